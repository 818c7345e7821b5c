import ForebayCore
import ForebayUV
import Glibc

/// What somebody who behaves is served while others attack the same daemon, compared with the time
/// before, and with the time in which they attack another daemon on the machine: in turn, so that what else
/// the machine does meets all three.
struct HostileMeasurement {
  struct Round: Equatable, Sendable {
    let attack: Attack
    let peace: ServedLatency
    /// The attackers and whom they attack take processor time here, too.
    let beside: ServedLatency
    let attacked: ServedLatency
    /// Connections that the daemon ended meanwhile, by the names of their reasons.
    let closures: [String: UInt64]
    /// Of the daemon, while it was attacked.
    let anonymousBytes: UInt64
  }

  let daemon: String
  let attacks: [Attack]
  let rounds: Int
  let span: TimeSpan
  /// Messages a second of the one who behaves.
  let rate: Double
  let directory: String
  let progress: (String) -> Void

  struct Result: Equatable, Sendable {
    var rounds: [Round] = []
    var longestCallbackMicroseconds: UInt64?
    var rate = 0.0
  }

  func run() throws -> Result {
    let children = try Children()
    var result = Result(rate: rate)
    var failure: (any Error)?
    do {
      let stand = try HostileStand.start("h", daemon, in: directory, children)
      let other = try HostileStand.start("o", daemon, in: directory, children)
      _ = try serve(stand.place)
      for round in 0..<rounds {
        for attack in rotated(attacks, round: round) {
          result.rounds.append(try measure(attack, stand, other))
          try children.check()
        }
        progress("round \(round + 1) of \(rounds)")
      }
      result.longestCallbackMicroseconds = stand.longestCallbackMicroseconds
    } catch { failure = error }
    let complaints = try children.end()
    if let failure { throw failure }
    guard complaints.isEmpty else {
      throw Children.Failure(description: complaints.joined(separator: "; "))
    }
    return result
  }

  private func measure(
    _ attack: Attack, _ stand: HostileStand, _ other: HostileStand
  ) throws -> Round {
    let peace = try serve(stand.place)
    let beside = try other.attacked(by: attack, for: span) { try serve(stand.place) }
    let before = stand.closures
    let (attacked, memory) = try stand.attacked(by: attack, for: span) {
      (try serve(stand.place), stand.anonymousBytes)
    }
    let closed = stand.closures.merging(before) { now, then in now - min(now, then) }
    guard let memory, memory <= HostileStand.anonymousBytesMax else {
      throw Children.Failure(
        description: "\(attack.title): \(memory ?? 0) bytes of anonymous memory")
    }
    guard closed[attack.reason] ?? 0 > 0 else {
      throw Children.Failure(description: "\(attack.title): nobody was ended for \(attack.reason)")
    }
    return Round(
      attack: attack, peace: peace, beside: beside, attacked: attacked,
      closures: closed.filter { $0.value > 0 }, anonymousBytes: memory)
  }

  /// One client at an even pace, in this process.
  private func serve(_ place: RunPlace) throws -> ServedLatency {
    var settings = Load.Settings(endpoint: .unix(place.socket), seed: .random(in: 1 ... .max))
    settings.clients = 1
    settings.rate = rate
    settings.duration = span
    let result = try Load.run(settings)
    guard result.isClean, result.delivered == result.tally.sentTotal else {
      throw Children.Failure(description: "the load went wrong:\n\(result.summary)")
    }
    return ServedLatency(
      p50Microseconds: Double(result.latency(50).nanoseconds) / 1e3,
      p99Microseconds: Double(result.latency(99).nanoseconds) / 1e3,
      messages: result.tally.settledTotal)
  }
}
