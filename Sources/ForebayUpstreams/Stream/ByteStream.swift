package import ForebayCore
package import ForebayTLS
package import ForebayUV
import ForebayWire

/// Whoever speaks a protocol on a byte stream. All calls come from the loop.
package protocol ByteStreamOwner: AnyObject {
  /// It is connected, and secured where it is to be: write the first bytes. Once more after `secure`.
  func streamOpened(_ stream: ByteStream)
  /// Plain bytes, good until this returns.
  func streamReceived(_ stream: ByteStream, _ bytes: UnsafeRawBufferPointer)
  /// So much waits to be written that no more should come, or no longer.
  func streamBusy(_ stream: ByteStream, _ isBusy: Bool)
  /// The last call, also where it never opened.
  func streamEnded(_ stream: ByteStream, _ ending: StreamEnding)
}

/// The one byte stream of all upstreams that bring no I/O of their own: TCP, a Unix socket, or TLS over
/// TCP. Codecs write into `output` and call `flush`, which writes as much as the socket takes.
///
/// It decides nothing: when to connect and when to give up the core says, which address is next
/// `ConnectAttempts`, when it is busy `OutputQueue`.
package final class ByteStream {
  package enum Endpoint: Equatable, Sendable {
    case unix(path: String)
    case tcp(host: String, port: UInt16)
  }

  private static let readBytes = 65_536
  /// What is copied at most when the socket is full; the rest waits in `output`.
  private static let remainderBytesMax = 65_536
  /// Plain bytes that are encrypted at once: four records.
  private static let encryptedBytesMax = 65_536
  /// A peer that vanished without a word is found after this long without traffic.
  private static let keepaliveSeconds: UInt32 = 60

  private unowned(unsafe) let owner: any ByteStreamOwner
  private let loop: Loop
  private let endpoint: Endpoint
  private let tlsContext: TLSContext?
  package var output = OutputQueue()
  private var tls: TLSSession?
  private var handle: StreamHandle?
  /// Addresses that are left, and the timer of the one that is tried.
  private var addresses: [SocketAddress] = []
  private var attempts = ConnectAttempts(addresses: 0, deadline: Instant(nanoseconds: 0))
  private var timer: Timer?
  /// A copied remainder is on its way; nothing else is written before it is out.
  private var isWaitingForSocket = false
  private var isFinishing = false
  /// Our direction has been ended: what flushes afterwards doesn't end it again, which would be an error.
  private var isFinished = false
  package private(set) var isOpen = false
  private var isEnded = false
  private let readBuffer: UnsafeMutableRawBufferPointer
  private var plainBuffer: UnsafeMutableRawBufferPointer?
  package private(set) var bytesRead: UInt64 = 0
  package private(set) var bytesWritten: UInt64 = 0

  package init(
    to endpoint: Endpoint, tls: TLSContext? = nil, on loop: Loop, owner: any ByteStreamOwner
  ) {
    self.endpoint = endpoint
    self.loop = loop
    self.owner = owner
    tlsContext = tls
    readBuffer = .allocate(byteCount: Self.readBytes, alignment: 16)
    if tls != nil { plainBuffer = .allocate(byteCount: Self.readBytes, alignment: 16) }
  }

  deinit {
    readBuffer.deallocate()
    plainBuffer?.deallocate()
  }

  /// `TLSv1.3, TLS_AES_256_GCM_SHA384`; nil in plain.
  package var security: String? { isOpen ? tls?.description : nil }

  // MARK: Connecting

  /// Once. Tries each address of the name until `deadline`, and then ends.
  package func connect(until deadline: Instant) {
    do throws(UVError) {
      timer = try Timer(on: loop) { [unowned(unsafe) self] in attemptTimedOut() }
      timer?.fire(at: deadline.nanoseconds)
      switch endpoint {
      case .unix(let path):
        let handle = try StreamHandle(on: loop, .pipe)
        self.handle = handle
        try handle.connect(toPath: path) { self.connectEnded(handle, $0) }
      case .tcp(let host, let port):
        try Resolver.resolve(on: loop, host: host, port: port) { result in
          switch result {
          case .failure(let error): self.end(.unresolved(error))
          case .success(let addresses): self.resolved(addresses, until: deadline)
          }
        }
      }
    } catch {
      end(.unreachable(error))
    }
  }

  private func resolved(_ addresses: [SocketAddress], until deadline: Instant) {
    guard !isEnded else { return }
    self.addresses = addresses
    attempts = ConnectAttempts(addresses: addresses.count, deadline: deadline)
    tryNext(after: .connectTimeout)
  }

  private func tryNext(after failure: StreamEnding) {
    guard !isEnded else { return }
    switch attempts.nextStep(now: Instant(nanoseconds: Loop.now)) {
    case .giveUp: end(failure)
    case .tryAddress(let index, let until):
      timer?.fire(at: until.nanoseconds)
      do throws(UVError) {
        let handle = try StreamHandle(on: loop, .tcp)
        self.handle = handle
        try handle.connect(to: addresses[index]) { self.connectEnded(handle, $0) }
      } catch {
        handle?.close()
        handle = nil
        tryNext(after: .unreachable(error))
      }
    }
  }

  private func attemptTimedOut() {
    guard !isOpen, !isEnded else { return }
    switch endpoint {
    case .unix: end(.connectTimeout)
    case .tcp where tls == nil:
      // A handle that is closed answers with `canceled`, which counts for nothing.
      handle?.close()
      handle = nil
      tryNext(after: .connectTimeout)
    case .tcp: end(.connectTimeout)
    }
  }

  private func connectEnded(_ connected: StreamHandle, _ error: UVError?) {
    guard !isEnded, handle === connected else { return connected.close() }
    if let error {
      connected.close()
      handle = nil
      return endpoint.isUnix ? end(.unreachable(error)) : tryNext(after: .unreachable(error))
    }
    connected.attach(self)
    do throws(UVError) {
      if !endpoint.isUnix { try connected.keepAlive(afterSeconds: Self.keepaliveSeconds) }
      try connected.startReading()
    } catch {
      return end(.unreachable(error))
    }
    guard let tlsContext else { return opened() }
    do throws(TLSError) {
      tls = try TLSSession(tlsContext, client: endpoint.host)
      proceed()
    } catch {
      end(.untrusted(error))
    }
  }

  /// Begins TLS on an open stream, where a protocol does that after its first words. What is in `output`
  /// by then still waits, and goes encrypted.
  package func secure(by context: TLSContext) {
    guard isOpen, !isEnded, tls == nil else { return }
    isOpen = false
    if plainBuffer == nil {
      plainBuffer = .allocate(byteCount: Self.readBytes, alignment: 16)
    }
    do throws(TLSError) {
      tls = try TLSSession(context, client: endpoint.host)
      proceed()
    } catch {
      end(.untrusted(error))
    }
  }

  private func opened() {
    isOpen = true
    timer?.close()
    timer = nil
    addresses = []
    owner.streamOpened(self)
    flush()
  }

  /// The next step of the TLS handshake.
  private func proceed() {
    guard let tls else { return }
    let progress = tls.proceed()
    // An alert that says what is wrong goes out, too.
    sendEncrypted()
    switch progress {
    case .underWay: break
    case .established: opened()
    case .failed(let error): end(.untrusted(error))
    }
  }

  // MARK: Writing

  /// Writes what waits, as much as the socket takes now; the rest goes by itself.
  package func flush() {
    guard isOpen, !isEnded else { return }
    while !isWaitingForSocket, !output.isEmpty, !isEnded {
      if tls == nil { writePlain() } else { writeEncrypted() }
    }
    if isEnded { return }
    switch output.passMark() {
    case .unchanged: break
    case .busy: owner.streamBusy(self, true)
    case .ready: owner.streamBusy(self, false)
    }
    if isFinishing, !isFinished, output.isEmpty, !isWaitingForSocket { shutDown() }
  }

  private func writePlain() {
    guard let written = write(output.waiting) else { return }
    output.took(written)
    if output.isEmpty { return }
    let rest = output.waiting
    let copied = min(rest.count, Self.remainderBytesMax)
    writeLater(UnsafeRawBufferPointer(rebasing: rest[..<copied]))
    output.took(copied)
  }

  private func writeEncrypted() {
    guard let tls else { return }
    let waiting = output.waiting
    let count = min(waiting.count, Self.encryptedBytesMax)
    do throws(TLSError) {
      try tls.write(UnsafeRawBufferPointer(rebasing: waiting[..<count]))
    } catch {
      return end(.untrusted(error))
    }
    output.took(count)
    sendEncrypted()
  }

  private func sendEncrypted() {
    guard let tls, !isEnded, !isWaitingForSocket else { return }
    let bytes = tls.output
    guard !bytes.isEmpty, let written = write(bytes) else { return }
    if written < bytes.count { writeLater(UnsafeRawBufferPointer(rebasing: bytes[written...])) }
    tls.outputTaken()
  }

  /// Nil if the stream is broken, which ends it.
  private func write(_ bytes: UnsafeRawBufferPointer) -> Int? {
    guard let handle else { return nil }
    switch handle.tryWrite(bytes) {
    case .written(let count):
      bytesWritten += UInt64(count)
      return count
    case .wouldBlock: return 0
    case .failed(let error):
      end(.broken(error))
      return nil
    }
  }

  private func writeLater(_ bytes: UnsafeRawBufferPointer) {
    guard let handle, !bytes.isEmpty else { return }
    do throws(UVError) {
      try handle.write(copying: bytes)
      bytesWritten += UInt64(bytes.count)
      isWaitingForSocket = true
    } catch {
      end(.broken(error))
    }
  }

  // MARK: Ending

  /// Ends our direction once everything is written; what still comes is read until the other side ends.
  package func finish() {
    guard isOpen, !isEnded, !isFinishing else { return }
    isFinishing = true
    flush()
  }

  private func shutDown() {
    isFinished = true
    tls?.end()
    sendEncrypted()
    do throws(UVError) { try handle?.shutdown { _ in } } catch { end(.broken(error)) }
  }

  /// Closes it, whatever state it is in; `streamEnded` follows, perhaps before this returns.
  package func end(_ ending: StreamEnding) {
    guard !isEnded else { return }
    isEnded = true
    isOpen = false
    timer?.close()
    timer = nil
    output.removeAll()
    handle?.close()
    handle = nil
    owner.streamEnded(self, ending)
  }
}

extension ByteStream.Endpoint {
  fileprivate var isUnix: Bool { if case .unix = self { true } else { false } }

  /// What a certificate must name.
  fileprivate var host: String {
    switch self {
    case .unix: "localhost"
    case .tcp(let host, _): host
    }
  }
}

extension ByteStream: StreamOwner {
  package func streamWillRead(_ stream: StreamHandle) -> UnsafeMutableRawBufferPointer {
    readBuffer
  }

  package func streamRead(_ stream: StreamHandle, count: Int) {
    guard count > 0, !isEnded else { return }
    bytesRead += UInt64(count)
    let bytes = UnsafeRawBufferPointer(rebasing: readBuffer[..<count])
    guard let tls, let plainBuffer else { return owner.streamReceived(self, bytes) }
    tls.received(bytes)
    if !tls.isEstablished { proceed() }
    while !isEnded, tls.isEstablished {
      switch tls.read(into: plainBuffer) {
      case .bytes(let count):
        owner.streamReceived(self, UnsafeRawBufferPointer(rebasing: plainBuffer[..<count]))
      case .needsMore: return sendEncrypted()
      case .ended: return end(.closedByPeer)
      case .failed(let error): return end(.untrusted(error))
      }
    }
  }

  package func streamReadEnded(_ stream: StreamHandle, _ ending: ReadEnding) {
    switch ending {
    case .endOfFile: end(.closedByPeer)
    case .failed(let error): end(.broken(error))
    }
  }

  package func streamDrained(_ stream: StreamHandle) {
    isWaitingForSocket = false
    sendEncrypted()
    flush()
  }

  package func streamWriteFailed(_ stream: StreamHandle, _ error: UVError) { end(.broken(error)) }

  package func streamClosed(_ stream: StreamHandle) {}
}
