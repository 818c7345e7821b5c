import ForebayCore

/// What is made ten times larger, again and again, while all else stays.
enum GrowthAxis: String, CaseIterable, Sendable {
  case messages, clients, bytes, idle

  /// Where nothing else is said: messages of 128 bytes from 8 clients.
  private static let usualBytes = 128
  private static let usualClients = 8

  /// Each ten times the one before.
  var steps: [Int] {
    switch self {
    case .messages: [10_000, 100_000, 1_000_000, 10_000_000]
    case .clients: [1, 10, 100, 1000]
    case .bytes: [16, 160, 1600, 16_000]
    case .idle: [10, 100, 1000, 10_000]
    }
  }

  /// The relay needs two descriptors a client, which are too many for the idle ones.
  var proxies: [ProxyKind] { self == .idle ? [.forebayd] : [.relay, .forebayd] }

  func scenario(_ step: Int) -> Scenario {
    Scenario(
      mode: .throughput, payloadBytes: self == .bytes ? step : Self.usualBytes,
      clients: self == .clients ? step : Self.usualClients)
  }

  /// How many messages are sent in all; nil is as many as the time allows.
  func count(_ step: Int) -> UInt64? { self == .messages ? UInt64(step) : nil }

  /// Clients that are connected besides and do nothing.
  func idleClients(_ step: Int) -> Int { self == .idle ? step : 0 }

  var title: String {
    switch self {
    case .messages: "ten times the messages"
    case .clients: "ten times the clients"
    case .bytes: "ten times the bytes"
    case .idle: "ten times the idle clients beside 8 busy ones"
    }
  }

  var across: String {
    switch self {
    case .messages: "messages sent"
    case .clients: "busy clients"
    case .bytes: "bytes of payload a message"
    case .idle: "idle clients"
    }
  }
}
