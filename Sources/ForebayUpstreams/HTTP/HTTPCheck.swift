import CCurl
import ForebayCore
package import ForebayTLS
package import ForebayUV
import ForebayWire

/// Asks an HTTP server for the head of what is at the route's path, which changes nothing there, and says
/// what it answered. A message goes there only if asked.
package final class HTTPCheck: HTTPTransfersOwner {
  private let options: HTTPOptions
  private let setUp: HTTPSetUp
  private let target: HTTPTarget
  private let sends: Bool
  private let done: (Result<[String], TLSError>) -> Void
  private var transfers: HTTPTransfers?
  private let request: HTTPRequest
  private var isSending = false
  private var findings: [String] = []

  /// `done` is called once.
  package init(
    _ options: HTTPOptions, tls: TLSOptions?, route: String, sends: Bool, on loop: Loop,
    done: @escaping (Result<[String], TLSError>) -> Void
  ) throws {
    self.options = options
    self.sends = sends
    self.done = done
    setUp = HTTPSetUp(options, try tls.map { try TLSContext(client: $0) })
    target = HTTPTarget(options.target, route: route)
    request = HTTPRequest(setUp)
    transfers = try HTTPTransfers(on: loop, connections: 1, owner: self)
    transfers?.adopt(request.easy)
  }

  private static let text = "forebayd check-upstream"

  package func start() {
    request.begin(0, messages: 1)
    request.setURL(setUp.origin + target.filled(lane: 0, key: Array("forebayd".utf8)))
    request.setHead()
    transfers?.add(request.easy)
  }

  private func send() {
    isSending = true
    setUp.applyMethod(to: request.easy)
    let type = options.contentType ?? HTTPEncoder.contentType(of: options.format)
    request.standardType = Array(type.utf8)
    request.begin(0, messages: 1)
    var body = Array(Self.text.utf8)
    switch options.format {
    case .message: break
    case .lines: body = Array("\"\(Self.text)\"\n".utf8)
    case .array: body = Array("[\"\(Self.text)\"]".utf8)
    case .lengthPrefixed: body = [0, 0, 0, UInt8(body.count)] + body
    }
    if options.compresses {
      let gzip = body.withUnsafeBytes { bytes in
        let gzip = Gzip(bytes)
        gzip.run()
        return gzip
      }
      request.gzip = gzip
      request.setBody(gzip.result)
    } else {
      body.withUnsafeBytes { request.body.append($0) }
      request.setBody(request.body.waiting)
    }
    transfers?.add(request.easy)
  }

  func transfersBegan() {}

  func transferEnded(_ easy: UnsafeMutableRawPointer, _ result: CURLcode) {
    transfers?.remove(easy)
    guard result == CURLE_OK else { return end(.failure(TLSError(request.complaint(result)))) }
    let status = request.status
    let said = "\(status)" + (HTTPStatusTable.advice(status).map { " (\($0))" } ?? "")
    if isSending {
      guard
        HTTPStatusTable(options.statusRules).meaning(of: status, hasRetryAfter: false) == .accepted
      else { return end(.failure(TLSError("it answers a message with \(said)"))) }
      findings.append("sent one message: \(status)")
      return end(.success(findings))
    }
    let security = request.security.flatMap { $0.isEmpty ? nil : ", secured by \($0)" }
    findings.append("connected, \(request.version)\(security ?? ", not encrypted")")
    switch status {
    case 401, 403, 407: return end(.failure(TLSError("it refuses us: \(said)")))
    case 500...599 where status != 501:
      return end(.failure(TLSError("it answers HEAD with \(said)")))
    case 404, 405, 501:
      findings.append("HEAD is answered with \(status), which says nothing of \(options.method)")
    default: findings.append("HEAD is answered with \(said)")
    }
    if sends { send() } else { end(.success(findings)) }
  }

  private func end(_ result: Result<[String], TLSError>) {
    transfers?.close()
    done(result)
  }
}
