import ForebayCore
import ForebayWire
import Histogram

/// What all clients of a load have counted together.
final class LoadTally {
  /// A latency above this is recorded as this: a minute says enough.
  static let latencyMax: UInt64 = 60_000_000_000

  private(set) var outcomes = [UInt64](repeating: 0, count: 256)
  private(set) var settledTotal: UInt64 = 0
  private(set) var maybeDelivered: UInt64 = 0
  private(set) var flaggedDuplicate: UInt64 = 0
  private(set) var resentTotal: UInt64 = 0
  /// Final outcomes for messages that had one already. There must be none.
  var repeated: UInt64 = 0
  /// Receipts for messages that were never sent. There must be none.
  var unknown: UInt64 = 0
  /// Frames from the daemon that broke the protocol. There must be none.
  var violations: UInt64 = 0
  private(set) var sentTotal: UInt64 = 0
  var reclaims: UInt64 = 0
  var goaways: UInt64 = 0
  var resumes: UInt64 = 0
  var reconnects: UInt64 = 0
  var probes: UInt64 = 0
  var blocked = TimeSpan.zero
  private(set) var errors: [(code: UInt16, count: Int)] = []
  private(set) var lastSettled: Instant?
  private(set) var latencies = Histogram<UInt64>(
    highestTrackableValue: LoadTally.latencyMax, numberOfSignificantValueDigits: .three)
  /// With an open loop: when each message was meant to be sent.
  var schedule: LoadSchedule?

  func count(of outcome: Outcome) -> UInt64 { outcomes[Int(outcome.rawValue)] }

  func settled(_ count: UInt64, _ outcome: Outcome, _ flags: ReceiptFlags) {
    outcomes[Int(outcome.rawValue)] += count
    settledTotal += count
    if flags.contains(.maybeDelivered) { maybeDelivered += count }
    if flags.contains(.duplicate) { flaggedDuplicate += count }
  }

  func sent(_ count: Int) { sentTotal += UInt64(count) }
  func resent(_ count: Int) { resentTotal += UInt64(count) }

  func failed(code: UInt16) {
    if let index = errors.firstIndex(where: { $0.code == code }) {
      errors[index].count += 1
    } else {
      errors.append((code, 1))
    }
  }

  /// Records how long the messages in `range` of client number `client` took: from the moment when
  /// they were meant to be sent, or else from the write that sent them.
  func answered(_ range: Range<UInt64>, of client: Int, _ sendTimes: SendTimes, now: Instant) {
    lastSettled = now
    if let schedule {
      for sequence in range {
        record(now.since(schedule.instant(of: sequence, client: client)), count: 1)
      }
    } else {
      sendTimes.forEach(in: range) { sent, count in record(now.since(sent), count: count) }
    }
  }

  private func record(_ latency: TimeSpan, count: Int) {
    latencies.record(min(latency.nanoseconds, Self.latencyMax), count: UInt64(count))
  }
}
