import ForebayCore
import ForebayTLS
import ForebayUV
import TestFolder
import Testing

@testable import ForebayUpstreams

/// How the one byte stream of all upstreams ends its own direction.
@Suite struct ByteStreamTests {
  /// More than a socket and the stream's own queue hold, so that it goes out in many parts.
  private static let many = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 / 5) }

  @Test func finishWritesEverythingAndGoesOnReading() throws {
    let folder = TestFolder("stream")
    try withLoop { loop in
      let listener = try UnixListener(on: loop, path: folder.file("s"))
      try finish(loop, to: .unix(path: folder.file("s"))) { far in
        try listener.accept { far.take($0.map(\.0)) }
      }
    }
  }

  /// The server's side hears the end of TLS's own direction before that of the socket.
  @Test func finishEndsTLSInItsOwnWordsFirst() throws {
    let files = TestCertificates.shared
    var options = TLSOptions()
    options.authorityFile = files.file("ca.pem")
    let client = try TLSContext(client: options)
    let server = try TLSSession(
      server: TLSContext(serverCertificate: files.file("good.pem"), key: files.file("good.key")))
    try withLoop { loop in
      let listener = try TCPListener(on: loop, SocketAddress(numeric: "127.0.0.1", port: 0))
      let port = try listener.address.port
      try finish(loop, to: .tcp(host: "127.0.0.1", port: port), tls: client, server: server) {
        far in
        try listener.accept { far.take($0) }
      }
    }
  }

  private func finish(
    _ loop: Loop, to endpoint: ByteStream.Endpoint, tls: TLSContext? = nil,
    server: TLSSession? = nil, _ accept: (FarEnd) throws -> Void
  ) throws {
    let far = FarEnd(server)
    try accept(far)
    let owner = Recorder()
    let stream = ByteStream(to: endpoint, tls: tls, on: loop, owner: owner)
    stream.connect(until: Instant(nanoseconds: loop.now + 20_000_000_000))
    try turn(loop, until: { stream.isOpen })
    Self.many.withUnsafeBytes { stream.output.append($0) }
    stream.finish()
    // Twice is as good as once, and a codec that flushes afterwards does no harm.
    stream.finish()
    try turn(loop, until: { far.isEnded })
    #expect(far.heard == Self.many)
    #expect(owner.ending == nil, "it still reads")
    stream.flush()
    far.say("an answer to all of it")
    try turn(loop, until: { !owner.heard.isEmpty })
    #expect(String(decoding: owner.heard, as: UTF8.self) == "an answer to all of it")
    #expect(owner.ending == nil)
    far.close()
    try turn(loop, until: { owner.ending != nil })
    #expect(owner.ending == .closedByPeer)
    #expect(owner.endings == 1)
  }

  // MARK: Helpers

  private func withLoop(_ body: (Loop) throws -> Void) throws {
    let loop = try Loop()
    do { try body(loop) } catch {
      try loop.finish()
      throw error
    }
    try loop.finish()
  }

  private func turn(_ loop: Loop, until condition: () -> Bool) throws {
    let tick = try Timer(on: loop) {}
    tick.fire(everyMilliseconds: 2)
    defer { tick.close() }
    let deadline = loop.now + 30_000_000_000
    while !condition(), loop.now < deadline { loop.runOnce() }
    try #require(condition(), "waited 30 s in vain")
  }
}

/// Keeps what a byte stream tells.
private final class Recorder: ByteStreamOwner {
  var heard: [UInt8] = []
  var ending: StreamEnding?
  var endings = 0

  func streamOpened(_ stream: ByteStream) {}
  func streamReceived(_ stream: ByteStream, _ bytes: UnsafeRawBufferPointer) {
    heard.append(contentsOf: bytes)
  }
  func streamBusy(_ stream: ByteStream, _ isBusy: Bool) {}
  func streamEnded(_ stream: ByteStream, _ ending: StreamEnding) {
    self.ending = ending
    endings += 1
  }
}

/// The other end of its socket, in plain or as a TLS server.
private final class FarEnd: StreamOwner {
  private let tls: TLSSession?
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
  private let plain = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
  private var handle: StreamHandle?
  private(set) var heard: [UInt8] = []
  /// Nothing more comes; with TLS this was said by TLS, too.
  private(set) var isEnded = false
  private var isTLSEnded = false

  init(_ tls: TLSSession?) { self.tls = tls }

  deinit {
    buffer.deallocate()
    plain.deallocate()
  }

  func take(_ arrival: Result<StreamHandle, UVError>) {
    guard case .success(let handle) = arrival else { return }
    self.handle = handle
    handle.attach(self)
    do { try handle.startReading() } catch { Issue.record("\(error)") }
  }

  /// What is said is short, and the socket takes it.
  func say(_ text: String) {
    let bytes = Array(text.utf8)
    guard let tls else {
      let result = bytes.withUnsafeBytes { handle?.tryWrite($0) }
      #expect(result == .written(bytes.count))
      return
    }
    do { try bytes.withUnsafeBytes { try tls.write($0) } } catch { Issue.record("\(error)") }
    sendEncrypted(tls)
  }

  func close() { handle?.close() }

  private func sendEncrypted(_ tls: TLSSession) {
    guard !tls.output.isEmpty else { return }
    let count = tls.output.count
    #expect(handle?.tryWrite(tls.output) == .written(count))
    tls.outputTaken()
  }

  func streamWillRead(_ stream: StreamHandle) -> UnsafeMutableRawBufferPointer { buffer }

  func streamRead(_ stream: StreamHandle, count: Int) {
    let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
    guard let tls else { return heard.append(contentsOf: bytes) }
    tls.received(bytes)
    if !tls.isEstablished { _ = tls.proceed() }
    while tls.isEstablished {
      guard case .bytes(let count) = read(tls) else { break }
      heard.append(contentsOf: plain[..<count])
    }
    sendEncrypted(tls)
  }

  private func read(_ tls: TLSSession) -> TLSSession.ReadResult {
    let result = tls.read(into: plain)
    if case .ended = result { isTLSEnded = true }
    return result
  }

  func streamReadEnded(_ stream: StreamHandle, _ ending: ReadEnding) {
    isEnded = ending == .endOfFile && (tls == nil || isTLSEnded)
  }

  func streamDrained(_ stream: StreamHandle) {}
  func streamWriteFailed(_ stream: StreamHandle, _ error: UVError) { Issue.record("\(error)") }
  func streamClosed(_ stream: StreamHandle) {}
}
