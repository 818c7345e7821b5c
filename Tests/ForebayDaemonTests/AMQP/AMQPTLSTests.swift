import TestFolder
import Testing

/// `amqps://`: a server is spoken to only if it is who it should be.
extension AMQPTests {
  private var files: TestCertificates { TestCertificates.shared }

  private func encrypted(
    _ server: RabbitServer, _ queue: String, _ lines: [String]
  ) async throws -> DaemonProcess {
    try await daemon(
      "amqps://127.0.0.1:\(server.tlsPort)?routing_key=\(queue)",
      ["tls:"] + lines.map { "  \($0)" })
  }

  @Test func messagesGoEncryptedToAServerThatIsKnown() async throws {
    let server = try await RabbitServer.ready()
    try await server.declare("tls")
    let daemon = try await encrypted(server, "tls", ["ca_file: \(files.file("ca.pem"))"])
    let producers = producers(daemon, 4, offer: 2_500)
    try await turnUntilSettled(producers)
    #expect(daemon.errors.contains("TLSv1."))
    try await expectAllDelivered(producers, daemon, server, "tls", repeatsAllowed: false)
  }

  @Test(arguments: [
    (["ca_file: other.pem"], "can't be trusted"),
    (["ca_file: ca.pem", "server_name: elsewhere.example"], "isn't for elsewhere.example"),
  ])
  func nothingGoesToAServerThatIsNot(_ lines: [String], _ reason: String) async throws {
    let server = try await RabbitServer.ready()
    try await server.declare("stranger")
    let folder = files.file("")
    let daemon = try await encrypted(
      server, "stranger", lines.map { $0.replacing("ca_file: ", with: "ca_file: \(folder)") })
    let producer = Producer("p", to: daemon)
    producer.offer(10)
    try await turn([producer], until: "the refusal") { daemon.errors.contains(reason) }
    #expect(producer.outcomes.isEmpty)
    #expect(try await server.read("stranger").isEmpty)
    #expect(try await daemon.state().heldMessages == 10, "they wait")
    #expect(try await daemon.stop() == 0)
  }

  /// The certificate's name is the user's, and there is no password.
  @Test func aCertificateLogsIn() async throws {
    let server = try await RabbitServer.ready()
    try await server.declare("certified")
    try await server.ctl("add_user", "good", "not used")
    try await server.ctl("set_permissions", "good", "", ".*", ".*")
    try await server.ctl("clear_password", "good")
    let daemon = try await encrypted(
      server, "certified",
      [
        "ca_file: \(files.file("ca.pem"))", "cert_file: \(files.file("good.pem"))",
        "key_file: \(files.file("good.key"))",
      ])
    let producer = Producer("p", to: daemon)
    producer.offer(100)
    try await turnUntilSettled([producer])
    #expect(try await server.ctl("list_connections", "user").contains("good"))
    try await expectAllDelivered([producer], daemon, server, "certified", repeatsAllowed: false)
  }
}
