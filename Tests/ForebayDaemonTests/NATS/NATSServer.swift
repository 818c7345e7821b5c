import Glibc
import TestFolder
import Testing

/// A real `nats-server` with JetStream of a test's own, on a loopback port, asked by libnats' client.
final class NATSServer: StoppableServer {
  let place: Workplace
  let port: UInt16
  /// How the client comes in; what a test's configuration demands.
  var login = ""
  /// Its TLS is trusted by the tests' authority, and asks for a certificate.
  var isEncrypted = false
  private let name: String
  private let file: String
  private(set) var program: Program

  static let path = "/usr/sbin/nats-server"

  /// `configuration` is added to what every server has. Each of a test's has a name.
  init(in place: Workplace, name: String = "nats", _ configuration: String = "") throws {
    self.place = place
    port = try freePort()
    self.name = name
    file = place.write(Self.text(place, name, port, configuration), to: "\(name).conf")
    program = try Program.start(Self.path, ["-c", file], in: place)
  }

  static func ready(
    in place: Workplace, name: String = "nats", _ configuration: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> NATSServer {
    let server = try NATSServer(in: place, name: name, configuration)
    try await server.waitReady(sourceLocation: sourceLocation)
    return server
  }

  /// With TLS, by one of the tests' certificates; it wants one of its clients, too.
  static func ready(
    in place: Workplace, certificate: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> NATSServer {
    let files = TestCertificates.shared
    let server = try await ready(
      in: place,
      """
      tls {
        cert_file: "\(files.file("\(certificate).pem"))"
        key_file: "\(files.file("\(certificate).key"))"
        ca_file: "\(files.file("ca.pem"))"
        verify: true
      }
      """, sourceLocation: sourceLocation)
    server.isEncrypted = true
    return server
  }

  func waitReady(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await expectEventually(
      "nats-server to be ready", every: .milliseconds(50), sourceLocation: sourceLocation
    ) {
      try #require(program.isRunning, "\(program.errors)", sourceLocation: sourceLocation)
      return program.errors.contains("Server is ready")
    }
  }

  /// Another configuration in place of what was added, which the running server then reads.
  func rewrite(_ added: String) {
    _ = place.write(
      Self.text(place, name, port, added), to: "\(name).conf")
    program.kill(SIGHUP)
  }

  private static func text(
    _ place: Workplace, _ name: String, _ port: UInt16, _ added: String
  ) -> String {
    """
    host: 127.0.0.1
    port: \(port)
    jetstream { store_dir: "\(place.file(name))" }
    lame_duck_grace_period: "2s"
    lame_duck_duration: "30s"
    \(added)

    """
  }

  var url: String { "nats://\(login)127.0.0.1:\(port)" }

  // MARK: TestedServer

  var route: [String] { ["upstream: nats://127.0.0.1:\(port)"] }

  func readBack(sourceLocation: SourceLocation = #_sourceLocation) async throws -> ReadBack {
    try await contents().readBack(sourceLocation: sourceLocation)
  }

  func crash() async throws {
    program.kill(SIGKILL)
    _ = try await program.end()
  }

  func startAgain() async throws {
    program = try Program.start(Self.path, ["-c", file], in: place)
    try await waitReady()
  }

  func standStill() { program.kill(SIGSTOP) }
  func goOn() { program.kill(SIGCONT) }

  // MARK: By libnats

  /// What somebody else's client is told by a request to the server's API.
  @discardableResult
  func ask(_ subject: String, _ body: String = "") async throws -> String {
    let ended = try await client("request", subject, body)
    return ended.status == 0 ? ended.output : "client: \(ended.errors)"
  }

  func client(_ words: String...) async throws -> Program.Ended {
    let tls = isEncrypted ? TestCertificates.shared.file("") : "-"
    return try await Program.start(NATSClient.path, [url, tls] + words, in: place).end()
  }

  /// Makes a stream; `members` is JSON besides its name and subjects.
  func make(
    _ stream: String = "S", on subject: String = "forebay", _ members: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let more = members.isEmpty ? "" : ",\(members)"
    let answer = try await ask(
      "$JS.API.STREAM.CREATE.\(stream)",
      "{\"name\":\"\(stream)\",\"subjects\":[\"\(subject)\"]\(more)}")
    #expect(answer.contains("did_create"), "\(answer)", sourceLocation: sourceLocation)
  }

  func update(_ stream: String = "S", on subject: String = "forebay", _ members: String)
    async throws
  {
    let answer = try await ask(
      "$JS.API.STREAM.UPDATE.\(stream)",
      "{\"name\":\"\(stream)\",\"subjects\":[\"\(subject)\"],\(members)}")
    #expect(!answer.contains("\"error\""), "\(answer)")
  }

  /// How many messages a stream has.
  func count(_ stream: String = "S") async throws -> Int {
    let info = try await ask("$JS.API.STREAM.INFO.\(stream)")
    guard let state = info.firstRange(of: "\"state\":{\"messages\":") else {
      Issue.record("no stream \(stream): \(info)")
      return 0
    }
    return Int(info[state.upperBound...].prefix { $0.isNumber }) ?? 0
  }
}

/// Tests/NATSClient, compiled once.
enum NATSClient {
  private static let folder = TestFolder("nats")

  static let path: String = {
    let tests = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let program = folder.file("client")
    let status = system("gcc -O2 -o '\(program)' '/\(tests)/NATSClient/client.c' -lnats")
    if status != 0 { fatalError("the NATS client of the tests can't be compiled: \(status)") }
    return program
  }()
}
