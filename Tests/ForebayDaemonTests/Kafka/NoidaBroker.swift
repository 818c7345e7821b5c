import ForebayWire
import Glibc
import Testing

/// `noida-db`, which `make deps-kafka` fetches: one broker that, unlike the mock ones, looks at what an
/// idempotent producer numbers, makes topics by itself and keeps them on a disk. Before it stands a relay.
final class NoidaBroker: StoppableServer {
  static let path: String = {
    let root = #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }
    return "\(root)/out/noida/noida_db/noida-db"
  }()
  static var isInstalled: Bool { access(path, X_OK) == 0 }

  private let place: Workplace
  private let port: UInt16
  private(set) var program: Program
  /// Clients are told of nothing but the relay.
  private(set) var relay: KafkaCluster

  private init(in place: Workplace) async throws {
    self.place = place
    port = try freePort()
    program = try Self.start(in: place, port)
    relay = try await KafkaCluster.ready(in: place, before: port)
  }

  private static func start(in place: Workplace, _ port: UInt16) throws -> Program {
    try Program.start(
      path,
      [
        "start", "--data-dir", place.file("noida"), "--host", "127.0.0.1", "--only", "kafka",
        "--kafka-port", "\(port)",
      ], in: place)
  }

  static func ready(
    in place: Workplace, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> NoidaBroker {
    let broker = try await NoidaBroker(in: place)
    try await broker.waitReady(sourceLocation: sourceLocation)
    return broker
  }

  private func waitReady(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await expectEventually(
      "noida-db to be ready", every: .milliseconds(50), sourceLocation: sourceLocation
    ) {
      try #require(program.isRunning, "\(program.errors)", sourceLocation: sourceLocation)
      return try await Program.start(
        "/usr/bin/kcat", ["-L", "-b", "127.0.0.1:\(port)", "-m", "1"], in: place
      ).end().status == 0
    }
  }

  var route: [String] { ["upstream: kafka://\(relay.relays)"] }
  var signOfLoss: String { "no broker can be reached" }

  /// It writes what it has when it is asked to end.
  func crash() async throws {
    program.kill(SIGTERM)
    _ = try await program.end()
  }

  func startAgain() async throws {
    program = try Self.start(in: place, port)
    try await waitReady()
  }

  func standStill() { program.kill(SIGSTOP) }
  func goOn() { program.kill(SIGCONT) }

  func readBack(sourceLocation: SourceLocation = #_sourceLocation) async throws -> ReadBack {
    try await relay.readBack(sourceLocation: sourceLocation)
  }
}
