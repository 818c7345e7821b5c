package import ForebayUV

/// Who drives a link: the daemon, which has the core.
package protocol PeerConnectionOwner: AnyObject {
  func linkConnected(_ route: UInt32)
  func linkReceived(_ route: UInt32, _ bytes: UnsafeRawBufferPointer)
  /// The copied remainder is out.
  func linkDrained(_ route: UInt32)
  /// The connect failed or the connection ended. The last call for this connection.
  func linkClosed(_ route: UInt32, _ reason: String)
}

/// One connection of a peer link: bytes in, vectors out. What they mean is the core's business.
package final class PeerConnection: StreamOwner {
  package enum Endpoint: Equatable, Sendable {
    case unix(path: String)
    case tcp(host: String, port: UInt16)
  }

  /// Receipts come a range for hundreds of messages, so a small buffer reads far ahead.
  private static let readBytes = 65_536

  private unowned(unsafe) let owner: any PeerConnectionOwner
  private let route: UInt32
  private let buffer: UnsafeMutableRawBufferPointer
  private var stream: StreamHandle?
  private var isEnded = false
  private var endReason = "closed"

  package init(route: UInt32, owner: any PeerConnectionOwner) {
    self.route = route
    self.owner = owner
    buffer = .allocate(byteCount: Self.readBytes, alignment: 16)
  }

  deinit { buffer.deallocate() }

  package func connect(to endpoint: Endpoint, on loop: Loop) {
    do throws(UVError) {
      switch endpoint {
      case .unix(let path):
        let stream = try StreamHandle(on: loop, .pipe)
        self.stream = stream
        stream.attach(self)
        try stream.connect(toPath: path) { self.connectEnded($0) }
      case .tcp(let host, let port):
        try StreamHandle.connect(on: loop, host: host, port: port) { self.connectEnded($0) }
      }
    } catch {
      end("\(error)")
    }
  }

  private func connectEnded(_ result: Result<StreamHandle, UVError>) {
    switch result {
    case .failure(let error): end("\(error)")
    case .success(let connected):
      guard !isEnded else { return connected.close() }
      stream = connected
      connected.attach(self)
      connectEnded(nil)
    }
  }

  private func connectEnded(_ error: UVError?) {
    if let error { return end("\(error)") }
    guard !isEnded, let stream else { return }
    do throws(UVError) {
      try stream.startReading()
      owner.linkConnected(route)
    } catch {
      end("\(error)")
    }
  }

  /// Closes the connection, whatever state it is in; `linkClosed` follows.
  package func end(_ reason: String) {
    guard !isEnded else { return }
    isEnded = true
    endReason = reason
    if let stream { stream.close() } else { owner.linkClosed(route, reason) }
  }

  // MARK: Writing

  /// Writes what the socket takes. Nil if the connection is broken, which ends it.
  package func tryWrite(_ vectors: UnsafeBufferPointer<IOVector>) -> Int? {
    guard let stream, !isEnded else { return nil }
    switch stream.tryWrite(vectors) {
    case .written(let count): return count
    case .wouldBlock: return 0
    case .failed(let error):
      end("\(error)")
      return nil
    }
  }

  /// Copies `byteCount` bytes behind the first `written` and writes them when the socket takes them;
  /// `linkDrained` follows.
  package func write(
    copying vectors: UnsafeBufferPointer<IOVector>, after written: Int
  ) {
    guard let stream, !isEnded else { return }
    do throws(UVError) { try stream.write(copying: vectors, after: written) } catch {
      end("\(error)")
    }
  }

  // MARK: StreamOwner

  package func streamWillRead(_ stream: StreamHandle) -> UnsafeMutableRawBufferPointer { buffer }

  package func streamRead(_ stream: StreamHandle, count: Int) {
    guard count > 0, !isEnded else { return }
    owner.linkReceived(route, UnsafeRawBufferPointer(rebasing: buffer[..<count]))
  }

  package func streamReadEnded(_ stream: StreamHandle, _ ending: ReadEnding) {
    switch ending {
    case .endOfFile: end("the peer closed the connection")
    case .failed(let error): end("\(error)")
    }
  }

  package func streamDrained(_ stream: StreamHandle) {
    if !isEnded { owner.linkDrained(route) }
  }

  package func streamWriteFailed(_ stream: StreamHandle, _ error: UVError) { end("\(error)") }

  package func streamClosed(_ stream: StreamHandle) {
    isEnded = true
    owner.linkClosed(route, endReason)
  }
}
