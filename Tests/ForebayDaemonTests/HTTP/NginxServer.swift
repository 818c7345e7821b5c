import Glibc
import Testing

/// A real nginx of a test's own. It passes what it gets on to itself, so that it reads bodies, and has
/// them in its log, one line a request: id, HTTP version, status and body.
final class NginxServer: TestedServer {
  let place: Workplace
  let port: UInt16
  private let configuration: String
  private(set) var program: Program

  static let path = "/usr/sbin/nginx"

  /// With TLS and HTTP/2 where it has a certificate's name among the test's.
  static func ready(
    in place: Workplace, certificate: String? = nil, key: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> NginxServer {
    let server = try NginxServer(in: place, certificate, key)
    try await server.waitReady(sourceLocation: sourceLocation)
    return server
  }

  private init(in place: Workplace, _ certificate: String?, _ key: String?) throws {
    self.place = place
    port = try freePort()
    let inner = try freePort()
    var tls = ""
    if let certificate, let key {
      tls = "ssl_certificate \(certificate); ssl_certificate_key \(key);"
    }
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map {
      "\($0)_temp_path \(place.path)/\($0);"
    }
    configuration = place.write(
      """
      daemon off; worker_processes 1; pid \(place.file("nginx.pid"));
      error_log \(place.file("nginx.err"));
      events { worker_connections 512; }
      http {
        \(temporary.joined(separator: " "))
        log_format bodies escape=json '$http_idempotency_key $server_protocol $status $request_body';
        keepalive_requests 1000000; client_body_buffer_size 1m; client_max_body_size 8m;
        upstream inner { server 127.0.0.1:\(inner); keepalive 16; }
        server {
          listen 127.0.0.1:\(inner); access_log off;
          location / { return 204; }
        }
        server {
          listen 127.0.0.1:\(port) \(tls.isEmpty ? "" : "ssl http2"); \(tls)
          access_log \(place.file("bodies.log")) bodies;
          location / {
            proxy_pass http://inner; proxy_http_version 1.1; proxy_set_header Connection "";
          }
        }
      }
      """, to: "nginx.conf")
    program = try Program.start(Self.path, ["-c", configuration, "-p", place.path], in: place)
  }

  private func waitReady(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await expectEventually("nginx to be ready", sourceLocation: sourceLocation) {
      try #require(program.isRunning, "\(program.errors)", sourceLocation: sourceLocation)
      return (try? RawSocket(port: port)) != nil
    }
  }

  // MARK: TestedServer

  var route: [String] { ["upstream: http://127.0.0.1:\(port)/in", "http:", "  format: ndjson"] }

  func readBack(sourceLocation: SourceLocation = #_sourceLocation) -> ReadBack {
    let requests = requests()
    #expect(requests.allSatisfy { $0.status == "204" }, sourceLocation: sourceLocation)
    #expect(
      Set(requests.map(\.id)).count == requests.count, "each has an id of its own",
      sourceLocation: sourceLocation)
    let lines = requests.flatMap(\.lines)
    if lines.count >= 100_000 {
      #expect(requests.count < 20_000, "they are batches", sourceLocation: sourceLocation)
    }
    return ReadBack(lines.map { ReadBack.Entry(text: $0, id: nil) })
  }

  struct Request {
    let id: String
    let version: String
    let status: String
    let lines: [String]
  }

  /// Requests in the order of the log, with the lines of their bodies.
  func requests() -> [Request] {
    Workplace.read(place.file("bodies.log")).split(separator: "\n").map {
      let parts = $0.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
      let body = parts.count > 3 ? parts[3] : ""
      return Request(
        id: String(parts[0]), version: String(parts[1]), status: String(parts[2]),
        lines: body.split(separator: "\\n").map(String.init))
    }
  }
}
