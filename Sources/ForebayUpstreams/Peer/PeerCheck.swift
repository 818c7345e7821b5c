import ForebayCore
package import ForebayTLS
package import ForebayUV
package import ForebayWire

/// Says HELLO to another Forebay as a client would, and tells what it welcomes us with. It sends no
/// message: one would need a session that somebody looks after.
package final class PeerCheck: ByteStreamOwner {
  private let done: (Result<[String], TLSError>) -> Void
  private let session: ID128
  private var stream: ByteStream?
  private var stash: [UInt8] = []
  private var findings: [String] = []

  /// `session` is drawn anew for each check.
  package init(session: ID128, done: @escaping (Result<[String], TLSError>) -> Void) {
    self.session = session
    self.done = done
  }

  package func start(at endpoint: ByteStream.Endpoint, on loop: Loop, until deadline: UInt64) {
    let stream = ByteStream(to: endpoint, on: loop, owner: self)
    self.stream = stream
    stream.connect(until: Instant(nanoseconds: deadline))
  }

  package func streamOpened(_ stream: ByteStream) {
    findings.append("connected")
    Hello(session: session).encoded().withUnsafeBytes { stream.output.append($0) }
  }

  package func streamReceived(_ stream: ByteStream, _ bytes: UnsafeRawBufferPointer) {
    stash.append(contentsOf: bytes)
    let ending: String? = stash.withUnsafeBytes { bytes in
      switch FrameHeader.read(bytes, at: 0, frameBytesMax: WireLimits.controlFrameBytesMax) {
      case .partial: return nil
      case .malformed: return "it doesn't speak Forebay's protocol"
      case .header(let header):
        guard bytes.count >= header.byteCount else { return nil }
        return answered(header, UnsafeRawBufferPointer(rebasing: bytes[..<header.byteCount]))
      }
    }
    if let ending { stream.end(.closedByUs(ending)) }
  }

  /// Why the connection ends; empty if all is well.
  private func answered(_ header: FrameHeader, _ frame: UnsafeRawBufferPointer) -> String {
    do throws(WireError) {
      switch header.type {
      case .welcome:
        let welcome = try Welcome(frame: frame)
        findings.append(
          "welcomed: frames of up to \(welcome.frameBytesMax) bytes, \(welcome.overhead) bytes "
            + "overhead a message")
        return ""
      case .error:
        let code = try ErrorFrame(frame: frame).code
        return "it refuses us: \(ErrorCode(rawValue: code)?.wireName ?? "code \(code)")"
      case .goaway: return "it is shutting down"
      case .hello, .data, .seen, .blocked, .backlog, .reclaimed, .pong, .bye, .origin, .window,
        .receipt, .reclaim, .ping:
        return "it answers HELLO with something else than WELCOME"
      }
    } catch {
      return "it doesn't speak Forebay's protocol"
    }
  }

  package func streamBusy(_ stream: ByteStream, _ isBusy: Bool) {}

  package func streamEnded(_ stream: ByteStream, _ ending: StreamEnding) {
    self.stream = nil
    if ending == .closedByUs("") { return done(.success(findings)) }
    done(.failure(TLSError(ending.description)))
  }
}
