import ForebayConfig
import ForebayCore
import ForebayUV
import ForebayWire
import Logging

/// What the daemon says on standard error: logfmt by swift-log, and never more than a reader can use.
///
/// Each kind of line may come in a burst and then a few a second; what was left out is counted and said
/// with the next line of its kind. So a client in a loop can't fill a disk.
final class EventLog {
  private static let burst: UInt64 = 20
  private static let perSecond: UInt64 = 2

  private struct Allowance {
    var limiter: RateLimiter
    var suppressed = 0
  }

  private var logger: Logger
  private let record = Logger(label: "forebayd") { _ in LogfmtHandler() }
  private var allowances: [String: Allowance] = [:]

  init(level: DaemonSettings.LogLevel) {
    logger = Logger(label: "forebayd") { _ in LogfmtHandler() }
    logger.logLevel = Logger.Level(rawValue: level.rawValue) ?? .info
  }

  func event(_ text: String, _ fields: [String: String]) { write(.info, text, fields) }
  func problem(_ text: String, _ fields: [String: String]) { write(.warning, text, fields) }

  func closed(_ code: ErrorCode, _ id: ClientID) {
    write(.notice, "client closed", ["code": code.wireName, "client": "\(id)"])
  }

  func refused(_ code: ErrorCode, user: UInt32) {
    write(.warning, "client refused", ["code": code.wireName, "uid": "\(user)"])
  }

  /// What an operator changed, or tried to. Never left out, whatever the level: it is the record of who
  /// did what.
  func commanded(_ text: String, result: String, user: UInt32, process: Int32) {
    record.log(
      level: .notice, "operator command",
      metadata: [
        "command": .string(text), "result": .string(result), "uid": .stringConvertible(user),
        "pid": .stringConvertible(process),
      ])
  }

  var level: DaemonSettings.LogLevel {
    get { DaemonSettings.LogLevel(rawValue: logger.logLevel.rawValue) ?? .info }
    set { logger.logLevel = Logger.Level(rawValue: newValue.rawValue) ?? .info }
  }

  /// `fields` are made only for what is written: a flood costs little more than the counting.
  private func write(
    _ level: Logger.Level, _ text: String, _ fields: @autoclosure () -> [String: String]
  ) {
    guard let suppressed = admit(text) else { return }
    var metadata = Logger.Metadata()
    for (key, value) in fields() { metadata[key] = .string(value) }
    if suppressed > 0 { metadata["suppressed"] = .stringConvertible(suppressed) }
    logger.log(level: level, "\(text)", metadata: metadata)
  }

  /// How many lines of the kind were left out before this one, or nil to leave this one out too.
  private func admit(_ kind: String) -> Int? {
    let now = Instant(nanoseconds: Loop.now)
    let limit = RateLimit(messages: Self.perSecond, per: .seconds(1), burst: Self.burst)
    var allowance = allowances[kind] ?? Allowance(limiter: RateLimiter(limit, now: now))
    defer { allowances[kind] = allowance }
    guard case .none = allowance.limiter.take(1, now: now) else {
      allowance.suppressed += 1
      return nil
    }
    let suppressed = allowance.suppressed
    allowance.suppressed = 0
    return suppressed
  }
}
