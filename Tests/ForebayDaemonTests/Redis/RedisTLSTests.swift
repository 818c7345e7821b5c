import TestFolder
import Testing

/// `rediss://`: a server is spoken to only if it is who it should be.
@Suite(.fewAtOnce) struct RedisTLSTests {
  private let place = Workplace()
  private let files = TestCertificates.shared

  private func server(_ name: String, port: UInt16) async throws -> RedisServer {
    try await RedisServer.ready(
      in: place,
      [
        "--tls-port", "\(port)", "--bind", "127.0.0.1", "--tls-cert-file",
        files.file("\(name).pem"), "--tls-key-file", files.file("\(name).key"),
        "--tls-ca-cert-file", files.file("ca.pem"), "--tls-auth-clients", "yes",
      ])
  }

  private func daemon(port: UInt16, _ tls: String) async throws -> DaemonProcess {
    let file = place.write(
      """
      sockets:
        - path: \(place.file("d.sock"))
      routes:
        - name: main
          upstream: rediss://127.0.0.1:\(port)
          tls:
            cert_file: \(files.file("good.pem"))
            key_file: \(files.file("good.key"))
      \(tls)

      """, to: "d.yaml")
    return try await DaemonProcess.ready(in: place, ["--config", file])
  }

  @Test func messagesGoEncryptedToAServerThatIsKnown() async throws {
    let port = try freePort()
    let server = try await server("good", port: port)
    let daemon = try await daemon(port: port, "      ca_file: \(files.file("ca.pem"))")
    let producers = makeProducers(daemon, 4, offer: 5_000)
    try await turnUntilSettled(producers)
    #expect(daemon.errors.contains("TLSv1.3"))
    try await StreamContents(server).readBack.expect(producers, repeatsAllowed: false)
    #expect(try await server.ask("XLEN", "forebay") == "20000\n")
    #expect(try await daemon.stop() == 0)
  }

  @Test(arguments: [
    ("stranger", "can't be trusted"), ("expired", "expired"), ("elsewhere", "isn't for 127.0.0.1"),
  ])
  func nothingGoesToAServerThatIsNot(_ name: String, _ reason: String) async throws {
    let port = try freePort()
    let server = try await server(name, port: port)
    let daemon = try await daemon(port: port, "      ca_file: \(files.file("ca.pem"))")
    let producer = Producer("p", to: daemon)
    producer.offer(10)
    try await turn([producer], until: "the refusal") { daemon.errors.contains(reason) }
    #expect(producer.outcomes.isEmpty)
    #expect(try await server.ask("XLEN", "forebay") == "0\n")
    #expect(try await daemon.state().heldMessages == 10, "they wait")
    #expect(try await daemon.stop() == 0)
  }

  @Test func aServerWithoutTLSIsNoneOfThese() async throws {
    let port = try freePort()
    let server = try await RedisServer.ready(
      in: place, ["--port", "\(port)", "--bind", "127.0.0.1"])
    let daemon = try await daemon(port: port, "      ca_file: \(files.file("ca.pem"))")
    let producer = Producer("p", to: daemon)
    producer.offer(10)
    try await turn([producer], until: "the loss") { daemon.errors.contains("upstream lost") }
    #expect(producer.outcomes.isEmpty)
    #expect(try await server.ask("XLEN", "forebay") == "0\n")
    #expect(try await daemon.stop() == 0)
  }
}
