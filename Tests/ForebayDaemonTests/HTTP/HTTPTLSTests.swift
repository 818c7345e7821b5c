import ForebayWire
import TestFolder
import Testing

/// `https://`: a server is spoken to only if it is who it should be.
@Suite(.fewAtOnce) struct HTTPTLSTests {
  private let place = Workplace()
  private let files = TestCertificates.shared

  private func daemon(
    _ port: UInt16, _ tls: String, http: String = "format: ndjson", host: String = "127.0.0.1"
  ) async throws -> DaemonProcess {
    try await place.daemon(
      ["upstream: https://\(host):\(port)/in"] + httpLines(http) + ["tls:"]
        + tls.split(separator: "\n").map { "  \($0)" })
  }

  private var authority: String { "ca_file: \(files.file("ca.pem"))\n" }

  private func server(_ name: String) async throws -> ScriptedServer {
    try await ScriptedServer.ready(
      in: place, tls: [files.file("\(name).pem"), files.file("\(name).key")])
  }

  @Test func theSystemsAuthoritiesDontKnowOurs() async throws {
    let server = try await server("good")
    let daemon = try await daemon(server.port, "verify: true\n")
    let producer = Producer("p", to: daemon)
    producer.offer(1)
    try await turn([producer], until: "the refusal") {
      daemon.errors.contains("unable to get local issuer certificate")
    }
    #expect(try await daemon.stopAtOnce() == 0)
  }

  @Test func theCertificatesNameMayBeAnother() async throws {
    let server = try await server("elsewhere")
    let daemon = try await daemon(server.port, authority + "server_name: elsewhere.example\n")
    let producer = Producer("p", to: daemon)
    producer.offer(100)
    try await turnUntilSettled([producer])
    try await server.expectAllDelivered([producer], daemon, repeatsAllowed: false)
  }

  @Test func aServerWithoutTLSIsNoneOfThese() async throws {
    let server = try await ScriptedServer.ready(in: place)
    let daemon = try await daemon(server.port, authority)
    let producer = Producer("p", to: daemon)
    producer.offer(10)
    try await turn([producer], until: "the complaint") { daemon.errors.contains("http upstream: ") }
    #expect(producer.outcomes.isEmpty && server.messages().isEmpty)
    #expect(try await daemon.stopAtOnce() == 0)
  }

  @Test func manyRequestsShareAConnectionWithHTTP2() async throws {
    let server = try await NginxServer.ready(
      in: place, certificate: files.file("good.pem"), key: files.file("good.key"))
    let daemon = try await daemon(
      server.port, authority, http: "format: message\nhttp2: true", host: "localhost")
    let producers = (1...16).map { Producer("p\($0)", to: daemon) }
    for producer in producers { producer.offer(500) }
    try await turnUntilSettled(producers)
    #expect(daemon.errors.contains("http upstream works: HTTP/2, TLSv1."))
    let requests = server.requests()
    #expect(requests.count == 8_000 && requests.allSatisfy { $0.version == "HTTP/2.0" })
    try await server.expectAllDelivered(producers, daemon, repeatsAllowed: false)
  }
}
