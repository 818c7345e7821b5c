import ForebayCore
import ForebayWire
import Histogram

/// What a load prints, and whether all is well.
struct LoadResult {
  let settings: Load.Settings
  let tally: LoadTally
  let elapsed: TimeSpan
  let cpuNanoseconds: UInt64
  let readyClients: Int
  /// Why connections were lost for good.
  let losses: [String]

  private static let percentiles: [(name: String, value: Double)] = [
    ("p50", 50), ("p90", 90), ("p99", 99), ("p99.9", 99.9), ("p99.99", 99.99),
  ]

  /// Every message has exactly one final outcome, and no client was left behind.
  var isClean: Bool {
    tally.settledTotal == tally.sentTotal && tally.repeated == 0 && tally.unknown == 0
      && tally.violations == 0 && losses.isEmpty && readyClients == settings.clients
  }

  var messagesPerSecond: Double {
    Double(tally.settledTotal) * 1e9 / Double(max(1, elapsed.nanoseconds))
  }

  func latency(_ percentile: Double) -> TimeSpan {
    guard tally.latencies.totalCount > 0 else { return .zero }
    return .nanoseconds(tally.latencies.valueAtPercentile(percentile))
  }

  var delivered: UInt64 { outcome(.delivered) }

  private func outcome(_ outcome: Outcome) -> UInt64 { tally.count(of: outcome) }

  private static let finals: [(name: String, outcome: Outcome)] = [
    ("delivered", .delivered), ("deadLettered", .deadLettered), ("rejected", .rejected),
    ("expired", .expired), ("dropped", .dropped), ("duplicate", .duplicate),
  ]

  var json: JSONObject {
    var result = JSONObject()
    result.set("clean", isClean)
    result.set("clients", settings.clients)
    result.set("sent", tally.sentTotal)
    result.set("settled", tally.settledTotal)
    result.set("unsettled", tally.sentTotal - tally.settledTotal)
    var outcomes = JSONObject()
    for (name, outcome) in Self.finals { outcomes.set(name, self.outcome(outcome)) }
    result.set("outcomes", outcomes)
    result.set("maybeDelivered", tally.maybeDelivered)
    result.set("flaggedDuplicate", tally.flaggedDuplicate)
    result.set("repeatedOutcomes", tally.repeated)
    result.set("unknownSequences", tally.unknown)
    result.set("violations", tally.violations)
    result.set("seconds", Double(elapsed.nanoseconds) / 1e9)
    result.set("messagesPerSecond", messagesPerSecond, places: 0)
    result.set("cpuNsPerMessage", cpuPerMessage, places: 2)
    result.set("latencyFrom", settings.rate == nil ? "write" : "schedule")
    result.set("latencyMicroseconds", latencies)
    result.set("blockedSeconds", Double(tally.blocked.nanoseconds) / 1e9)
    result.set("probes", tally.probes)
    result.set("reclaims", tally.reclaims)
    result.set("goaways", tally.goaways)
    result.set("reconnects", tally.reconnects)
    result.set("resumes", tally.resumes)
    result.set("resent", tally.resentTotal)
    var errors = JSONObject()
    for (code, count) in tally.errors {
      errors.set(ErrorCode(rawValue: code).map { "\($0)" } ?? "\(code)", count)
    }
    result.set("errors", errors)
    result.set("losses", losses)
    return result
  }

  private var cpuPerMessage: Double { Double(cpuNanoseconds) / Double(max(1, tally.settledTotal)) }

  private var latencies: JSONObject {
    var result = JSONObject()
    result.set("min", Double(tally.latencies.totalCount > 0 ? tally.latencies.min : 0) / 1e3)
    result.set("mean", tally.latencies.totalCount > 0 ? tally.latencies.mean / 1e3 : 0)
    for (name, value) in Self.percentiles {
      result.set(name, Double(latency(value).nanoseconds) / 1e3)
    }
    result.set("max", Double(tally.latencies.totalCount > 0 ? tally.latencies.max : 0) / 1e3)
    return result
  }

  var summary: String {
    var lines = [
      "\(tally.sentTotal) messages in \(describe(elapsed)): "
        + "\(decimal(messagesPerSecond, places: 0)) a second, "
        + "\(decimal(cpuPerMessage, places: 1)) ns CPU each in the load generator"
    ]
    let outcomes = Self.finals.filter { outcome($0.outcome) > 0 }
      .map { "\(outcome($0.outcome)) \($0.name)" }
    lines.append("outcomes: " + (outcomes.isEmpty ? "none" : outcomes.joined(separator: ", ")))
    let latencies = Self.percentiles.map { "\($0.name) \(describe(latency($0.value)))" }
    lines.append("latency: " + latencies.joined(separator: ", "))
    if tally.blocked > .zero { lines.append("blocked for \(describe(tally.blocked)) in all") }
    for loss in losses.prefix(3) { lines.append("lost for good: \(loss)") }
    let missing = tally.sentTotal - tally.settledTotal
    lines.append(
      isClean
        ? "every message got exactly one final outcome"
        : "NOT CLEAN: \(missing) without an outcome, \(tally.repeated) with more than one, "
          + "\(tally.unknown) receipts for nothing, \(tally.violations) protocol violations, "
          + "\(settings.clients - readyClients) clients never ready, \(losses.count) lost")
    return lines.joined(separator: "\n")
  }
}
