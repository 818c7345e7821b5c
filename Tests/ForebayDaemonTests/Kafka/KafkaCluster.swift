import ForebayWire
import Glibc
import Testing

/// A Kafka cluster of a test's own: librdkafka's mock brokers in a process of their own
/// (Tests/KafkaCluster), read back by `kcat`.
final class KafkaCluster: StoppableServer {
  let place: Workplace
  let program: Program
  let partitions: Int
  /// The brokers themselves, and the relays in front of them, which throttle, lose answers and reset.
  private(set) var brokers = ""
  private(set) var relays = ""
  private var commands = 0

  private init(in place: Workplace, _ arguments: [String], partitions: Int) throws {
    self.place = place
    self.partitions = partitions
    program = try Program.start("KafkaCluster", arguments, in: place, hasInput: true)
  }

  /// With options of the relays.
  static func ready(
    in place: Workplace, brokers: Int = 3, partitions: Int = 4, _ options: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> KafkaCluster {
    let arguments = ["\(brokers)", "\(partitions)"] + options
    return try await ready(
      KafkaCluster(in: place, arguments, partitions: partitions), sourceLocation)
  }

  /// A relay alone, before somebody else's broker.
  static func ready(
    in place: Workplace, before port: UInt16, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> KafkaCluster {
    try await ready(
      KafkaCluster(in: place, ["before", "\(port)"], partitions: 1), sourceLocation)
  }

  private static func ready(
    _ cluster: KafkaCluster, _ sourceLocation: SourceLocation
  ) async throws -> KafkaCluster {
    try await expectEventually("the cluster's addresses", sourceLocation: sourceLocation) {
      try #require(
        cluster.program.isRunning, "\(cluster.program.errors)", sourceLocation: sourceLocation)
      return cluster.program.output.contains("relays ") && cluster.program.output.hasSuffix("\n")
    }
    for line in cluster.program.output.split(separator: "\n") {
      if line.hasPrefix("brokers ") { cluster.brokers = String(line.dropFirst(8)) }
      if line.hasPrefix("relays ") { cluster.relays = String(line.dropFirst(7)) }
    }
    return cluster
  }

  /// Tells it something, and waits until it is done.
  func tell(_ line: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    program.type(line + "\n")
    commands += 1
    try await expectEventually("\(line)", sourceLocation: sourceLocation) {
      program.output.split(separator: "\n").count == commands + 2
    }
    #expect(program.output.hasSuffix("ok\n"), "\(line)", sourceLocation: sourceLocation)
  }

  /// What `kcat` reads of a topic from its beginning to its end, a record a line, each partition in its
  /// own order.
  func records(
    of topic: String = "forebay", format: String = "%s",
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> [String] {
    let read = try await Program.start(
      "/usr/bin/kcat",
      [
        "-C", "-b", brokers, "-t", topic, "-o", "beginning", "-e", "-q", "-f", format + "\\n", "-X",
        "fetch.wait.max.ms=10",
      ], in: place
    ).end()
    #expect(read.status == 0, "\(read.errors)", sourceLocation: sourceLocation)
    return read.output.split(separator: "\n").map(String.init)
  }
}

extension KafkaCluster {
  var route: [String] { ["upstream: kafka://\(brokers)"] }
  /// The library connects again by itself.
  var signOfLoss: String { "no broker can be reached" }

  func crash() async throws { try await tell("down 0") }
  func startAgain() async throws { try await tell("up 0") }
  func standStill() { program.kill(SIGSTOP) }
  func goOn() { program.kill(SIGCONT) }

  /// Sessions keep to one partition each, so the order of a producer's records is that of reading.
  func readBack(sourceLocation: SourceLocation = #_sourceLocation) async throws -> ReadBack {
    let records = try await records(format: "%h|%s", sourceLocation: sourceLocation)
    return ReadBack(
      records.map {
        let parts = $0.split(separator: "|", maxSplits: 1, omittingEmptySubsequences: false)
        return ReadBack.Entry(text: String(parts.last ?? ""), id: String(parts[0]))
      })
  }
}
