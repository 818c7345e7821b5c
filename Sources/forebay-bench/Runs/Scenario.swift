import ForebayCore

/// One load for a proxy.
struct Scenario: Hashable, Sendable {
  enum Mode: String, CaseIterable, Sendable {
    /// As many messages as the windows allow.
    case throughput
    /// One message at a time.
    case roundTrip
  }

  let mode: Mode
  let payloadBytes: Int
  let clients: Int

  static let sizes = [128, 1024, 16_384]
  static let clientCounts = [1, 8, 256]
  /// What one client may have out, in messages and in bytes of payload.
  static let windowMessagesMax = 4096
  static let windowBytesMax = 512 * 1024

  /// The budget speaks of these; they are measured in every round.
  static let decisive =
    sizes.map { Scenario(mode: .throughput, payloadBytes: $0, clients: 8) }
    + [Scenario(mode: .roundTrip, payloadBytes: 128, clients: 1)]
  static let others =
    sizes.flatMap { size in
      [1, 256].map { Scenario(mode: .throughput, payloadBytes: size, clients: $0) }
    } + sizes.dropFirst().map { Scenario(mode: .roundTrip, payloadBytes: $0, clients: 1) }

  static let all =
    sizes.flatMap { size in
      clientCounts.map { Scenario(mode: .throughput, payloadBytes: size, clients: $0) }
    } + sizes.map { Scenario(mode: .roundTrip, payloadBytes: $0, clients: 1) }

  var window: Int { max(1, min(Self.windowMessagesMax, Self.windowBytesMax / payloadBytes)) }

  /// forebayd's buffer: the same in every scenario, so that many clients share it as they would.
  var bufferMessages: Int { 65_536 }
  var bufferBytes: String { "256MiB" }

  var title: String {
    let size = payloadBytes < 1024 ? "\(payloadBytes) B" : "\(payloadBytes / 1024) KiB"
    switch mode {
    case .throughput: return "\(size), \(clients) client\(clients == 1 ? "" : "s")"
    case .roundTrip: return "\(size), one at a time"
    }
  }

  var sizeTitle: String { payloadBytes < 1024 ? "\(payloadBytes) B" : "\(payloadBytes / 1024) KiB" }

  func load(at socket: String, _ length: RunLength) -> Load.Settings {
    var settings = Load.Settings(endpoint: .unix(socket), seed: .random(in: 1 ... .max))
    settings.sizes = .fixed(payloadBytes)
    settings.clients = clients
    switch mode {
    case .throughput: settings.duration = length.throughput
    case .roundTrip:
      settings.depth = 1
      settings.count = length.roundTrips
    }
    return settings
  }

  func warmUp(at socket: String, _ length: RunLength) -> Load.Settings {
    var settings = load(at: socket, length)
    switch mode {
    case .throughput: settings.duration = length.warmUp
    case .roundTrip: settings.count = length.roundTrips / 10
    }
    return settings
  }
}

extension Scenario {
  /// What the scenario is about: CPU a message, or the round trip.
  var decisive: RunFigures.Figure {
    switch mode {
    case .throughput: { $0.cpuNsPerMessage }
    case .roundTrip: { $0.latencyP50Microseconds }
    }
  }
}

struct RunLength: Equatable, Sendable {
  var throughput: TimeSpan
  var warmUp: TimeSpan
  var roundTrips: UInt64

  static let usual = RunLength(
    throughput: .milliseconds(250), warmUp: .milliseconds(100), roundTrips: 5_000)
  static let smoke = RunLength(
    throughput: .milliseconds(60), warmUp: .milliseconds(30), roundTrips: 300)
  /// Where there is time: a single run says more.
  static let long = RunLength(
    throughput: .seconds(1), warmUp: .milliseconds(150), roundTrips: 20_000)
}

/// The order in which a round takes its items: it begins with another one each time, and goes the
/// other way round in every second round. So nobody always comes after the same neighbour.
func rotated<Item>(_ items: [Item], round: Int) -> [Item] {
  guard !items.isEmpty else { return [] }
  let start = round % items.count
  let turned = Array(items[start...] + items[..<start])
  return round % 2 == 0 ? turned : turned.reversed()
}
