import ForebayCore
import ForebayWire

/// What the sink reports when it ends, or on SIGUSR1.
struct SinkCounts: Sendable {
  var connections: UInt64 = 0
  var sessions: UInt64 = 0
  /// Every DATA frame, copies included.
  var received: UInt64 = 0
  /// Sent again in the same session, although the sink had them.
  var resent: UInt64 = 0
  /// Came a second time from the same origin: what a deduplicating upstream would have to drop.
  var duplicates: UInt64 = 0
  var outOfOrder: UInt64 = 0
  var heldMax = 0
  private var delivered: UInt64 = 0
  private var rejected: UInt64 = 0
  private var errors: [(code: ErrorCode, count: Int)] = []
  private var firstArrival: Instant?
  private var lastArrival: Instant?

  mutating func received(_ count: Int, now: Instant) {
    received += UInt64(count)
    if firstArrival == nil { firstArrival = now }
    lastArrival = now
  }

  mutating func add(_ anomalies: ArrivalLedger.Anomalies) {
    duplicates += anomalies.repeated
    outOfOrder += anomalies.outOfOrder
  }

  mutating func settled(_ count: Int, _ outcome: Outcome) {
    if outcome == .delivered { delivered += UInt64(count) } else { rejected += UInt64(count) }
  }

  mutating func failed(_ code: ErrorCode) {
    if let index = errors.firstIndex(where: { $0.code == code }) {
      errors[index].count += 1
    } else {
      errors.append((code, 1))
    }
  }

  /// Everything came in order and nobody broke the protocol. Duplicates are no fault by themselves:
  /// delivery is at least once.
  var isClean: Bool { outOfOrder == 0 && errors.isEmpty }

  func report(held: Int, origins: Int, cpuNanoseconds: UInt64) -> JSONObject {
    var result = JSONObject()
    result.set("received", received)
    result.set("delivered", delivered)
    result.set("rejected", rejected)
    result.set("held", held)
    result.set("heldMax", heldMax)
    result.set("resent", resent)
    result.set("duplicates", duplicates)
    result.set("outOfOrder", outOfOrder)
    result.set("connections", connections)
    result.set("sessions", sessions)
    result.set("origins", origins)
    let span = lastArrival.flatMap { last in firstArrival.map { last.since($0) } } ?? .zero
    result.set("seconds", Double(span.nanoseconds) / 1e9)
    result.set("cpuNsPerMessage", Double(cpuNanoseconds) / Double(max(1, received)), places: 2)
    var named = JSONObject()
    for (code, count) in errors { named.set("\(code)", count) }
    result.set("errors", named)
    return result
  }
}
