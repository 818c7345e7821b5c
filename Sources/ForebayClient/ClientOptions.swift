import ForebayWire
import Glibc

/// How far a message must have come before its sender hears of it for the first time. Its final
/// outcome is reported later too, whatever the level.
public enum ReceiptStage: String, Sendable, CaseIterable {
  /// The daemon holds it in memory.
  case received
  /// It is on disk, where the route has a spill.
  case stored
  /// The upstream has it.
  case delivered
}

/// A client's life across reconnects: 128 random bits.
public struct SessionID: Hashable, Sendable, CustomStringConvertible {
  let bits: ID128

  /// A new one.
  public init() {
    // Zero is the one id that the protocol refuses.
    bits = ID128(high: .random(in: .min ... .max), low: .random(in: 1 ... .max))
  }

  /// From 32 hexadecimal digits, with or without dashes between them. Zero is no id.
  public init?(_ text: String) {
    let digits = text.filter { $0 != "-" }
    guard digits.utf8.count == 32, digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") }),
      let high = UInt64(digits.prefix(16), radix: 16),
      let low = UInt64(digits.suffix(16), radix: 16), high | low != 0
    else { return nil }
    bits = ID128(high: high, low: low)
  }

  public var description: String {
    [bits.high, bits.low].map { half in
      let digits = String(half, radix: 16)
      return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }.joined()
  }
}

/// How a client connects and what it may hold.
public struct ClientOptions: Sendable {
  /// Where the daemon listens: `FOREBAY_SOCKET`, or `/run/forebay/client.sock`.
  public static var defaultSocketPath: String {
    guard let value = getenv("FOREBAY_SOCKET"), value.pointee != 0 else {
      return "/run/forebay/client.sock"
    }
    return String(cString: value)
  }

  public var socketPath = ClientOptions.defaultSocketPath
  /// The route to send to; nil means the daemon's default one.
  public var route: String?
  /// What the daemon shows this client as.
  public var name: String?
  /// When to hear of a message first, unless the message says otherwise.
  public var receipt = ReceiptStage.delivered
  /// A session that an earlier process began and this one goes on with: it must submit the same
  /// messages in the same order, from number `firstNumber` on. What the daemon still knows of them
  /// is settled without being sent again. Nil means a new session.
  public var continuedSession: SessionID?
  /// The number of the first message that is submitted. In a continued session it is the earlier
  /// process's `firstUnsettled`: the daemon need not remember what came before.
  public var firstNumber: UInt64 = 1
  /// What may wait to be sent before `submit` blocks.
  public var queueMessages = 4_096
  public var queueBytes = 1 << 20
  /// What may be unsettled in all. It is kept so that it can be sent again.
  public var unsettledMessages = 262_144
  public var unsettledBytes = 64 << 20

  public init() {}
}

extension ClientOptions {
  /// This library's version, as daemons show it.
  package static let shimVersion = Release.version

  /// What the protocol allows for a client's name.
  static let nameBytesMax = 64
  /// Far below what HELLO has room for, and above any name that a configuration takes.
  static let routeBytesMax = 255

  func machineOptions(session: SessionID) -> ClientMachine.Options {
    var options = ClientMachine.Options(
      session: session.bits, jitterSeed: .random(in: .min ... .max))
    options.continuesSession = continuedSession != nil
    options.firstSequence = firstNumber
    options.level = ReceiptLevel(receipt)
    options.queueMessages = queueMessages
    options.queueBytes = queueBytes
    options.unsettledMessages = unsettledMessages
    options.unsettledBytes = unsettledBytes
    if let route { appendExtension(.route, route.utf8, to: &options.helloExtensions) }
    if let name { appendExtension(.clientName, name.utf8, to: &options.helloExtensions) }
    appendExtension(.shimName, "swift".utf8, to: &options.helloExtensions)
    appendExtension(.shimVersion, Self.shimVersion.utf8, to: &options.helloExtensions)
    return options
  }
}

extension ReceiptLevel {
  init(_ receipt: ReceiptStage?) {
    switch receipt {
    case nil: self = .default
    case .received: self = .received
    case .stored: self = .stored
    case .delivered: self = .delivered
    }
  }
}
