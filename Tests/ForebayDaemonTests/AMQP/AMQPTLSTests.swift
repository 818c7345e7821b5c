import TestFolder
import Testing

/// `amqps://`: certificates of ours and of the server.
@Suite(.fewAtOnce) struct AMQPTLSTests {
  private let place = Workplace()
  private let files = TestCertificates.shared

  private func daemon(_ queue: RabbitQueue, _ tls: [String]) async throws -> DaemonProcess {
    try await place.daemon(
      ["upstream: '\(queue.encryptedURL())'", "tls:"] + tls.map { "  \($0)" })
  }

  @Test(arguments: [
    (["ca_file: other.pem"], "can't be trusted"),
    (["ca_file: ca.pem", "server_name: elsewhere.example"], "isn't for elsewhere.example"),
  ])
  func nothingGoesToAServerThatIsNot(_ lines: [String], _ reason: String) async throws {
    let queue = try await RabbitQueue(on: try await RabbitServer.shared())
    let folder = files.file("")
    let daemon = try await daemon(
      queue, lines.map { $0.replacing("ca_file: ", with: "ca_file: \(folder)") })
    let producer = Producer("p", to: daemon)
    producer.offer(10)
    try await turn([producer], until: "the refusal") { daemon.errors.contains(reason) }
    #expect(producer.outcomes.isEmpty)
    #expect(try await queue.readBack().entries.isEmpty)
    #expect(try await daemon.state().heldMessages == 10, "they wait")
    #expect(try await daemon.stopAtOnce() == 0)
  }

  /// The certificate's name is the user's, and there is no password.
  @Test func aCertificateLogsIn() async throws {
    let server = try await RabbitServer.shared()
    let queue = try await RabbitQueue(on: server)
    try await server.addUser("good", password: "not used")
    try await server.ctl("clear_password", "good")
    let daemon = try await daemon(
      queue,
      [
        "ca_file: \(files.file("ca.pem"))", "cert_file: \(files.file("good.pem"))",
        "key_file: \(files.file("good.key"))",
      ])
    let producer = Producer("p", to: daemon)
    producer.offer(100)
    try await turnUntilSettled([producer])
    #expect(try await server.ctl("list_connections", "user").contains("good"))
    try await queue.expectAllDelivered([producer], daemon, repeatsAllowed: false)
  }
}
