import ForebayCore
import ForebayUV
import Glibc

/// What somebody who behaves is served while others attack the same daemon, compared with the time
/// before: a run at peace and a run under attack in turn, so that what else the machine does meets both.
struct HostileMeasurement {
  struct Pair: Equatable, Sendable {
    let attack: Attack
    let peace: ServedLatency
    let attacked: ServedLatency
    /// Connections that the daemon ended meanwhile, by the names of their reasons.
    let closures: [String: UInt64]
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
    var pairs: [Pair] = []
    var longestCallbackMicroseconds: UInt64?
    var rate = 0.0
  }

  func run() throws -> Result {
    let place = try RunPlace.make("h", in: directory)
    let children = try Children()
    var result = Result(rate: rate)
    var failure: (any Error)?
    do {
      _ = try children.start("sink", [pathOfThisProgram(), "sink", place.sink])
      try children.waitForSocket(place.sink)
      _ = try children.start(
        "forebayd",
        ProxyFiles.letting(
          2_000,
          [
            daemon, "--socket", place.socket, "--admin-socket", place.admin,
            "--upstream", "forebay+unix:\(place.sink)", "--log-level", "error",
          ]))
      try children.waitForSocket(place.socket)
      _ = try serve(place)
      for round in 0..<rounds {
        for attack in rotated(attacks, round: round) {
          result.pairs.append(try measure(attack, place, children))
        }
        progress("round \(round + 1) of \(rounds)")
      }
      let state = AdminQuestion.askJSON("show state", at: place.admin)
      result.longestCallbackMicroseconds = state?["longest_callback_us"]?.count
    } catch { failure = error }
    let complaints = try children.end()
    if let failure { throw failure }
    guard complaints.isEmpty else {
      throw Children.Failure(description: complaints.joined(separator: "; "))
    }
    return result
  }

  private func measure(
    _ attack: Attack, _ place: RunPlace, _ children: Children
  ) throws -> Pair {
    let peace = try serve(place)
    let before = closures(place)
    let attackers = try Children()
    _ = try attackers.start(
      attack.title, [pathOfThisProgram(), "attack", attack.rawValue, place.socket])
    // It has begun before anything is measured.
    usleep(200_000)
    var attacked: ServedLatency?
    var failure: (any Error)?
    do { attacked = try serve(place) } catch { failure = error }
    _ = try attackers.end()
    if let failure { throw failure }
    try children.check()
    guard let attacked else { throw Children.Failure(description: "nothing was measured") }
    let closed = closures(place).merging(before) { now, then in now - min(now, then) }
    return Pair(
      attack: attack, peace: peace, attacked: attacked, closures: closed.filter { $0.value > 0 })
  }

  private func closures(_ place: RunPlace) -> [String: UInt64] {
    guard case .object(let fields) = AdminQuestion.askJSON("show state", at: place.admin)?["closed"]
    else { return [:] }
    return fields.compactMapValues(\.count)
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
