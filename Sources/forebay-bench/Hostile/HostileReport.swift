/// What attacks cost those that behave, as it is written down.
struct HostileReport {
  let result: HostileMeasurement.Result
  let rounds: Int

  private func rounds(_ attack: Attack) -> [HostileMeasurement.Round] {
    result.rounds.filter { $0.attack == attack }
  }

  private func ratio(
    _ attack: Attack, to base: (HostileMeasurement.Round) -> ServedLatency,
    _ figure: (ServedLatency) -> Double
  ) -> MedianInterval {
    bootstrapMedian(rounds(attack).map { figure($0.attacked) / figure(base($0)) })
  }

  private var attacks: [Attack] { Attack.allCases.filter { !rounds($0).isEmpty } }

  var budget: [BudgetLine] {
    // Not against peace: the time before has processors that are idle, and where there are two, an attack takes
    // them whomever it is aimed at.
    var lines = attacks.map { attack in
      BudgetLine(
        what: "\(attack.title): p99 of one who behaves, attacked ÷ while another daemon is",
        limit: 1.5, measured: ratio(attack, to: \.beside, \.p99Microseconds),
        measurements: rounds(attack).count)
    }
    if let longest = longestMilliseconds {
      lines.append(
        BudgetLine(
          what: "longest callback of forebayd's loop, ms of CPU", limit: 5,
          measured: bootstrapMedian([longest]), measurements: 1))
    }
    return lines
  }

  private var longestMilliseconds: Double? {
    result.longestCallbackMicroseconds.map { Double($0) / 1e3 }
  }

  var table: Table {
    var table = Table(
      [
        "attack", "connections", "p50, × peace", "p99, × peace", "p99, × other daemon attacked",
        "p99 µs: peace", "other", "attacked", "MiB", "ended, a round",
      ], words: 1)
    for attack in attacks {
      let own = rounds(attack)
      func middle(_ run: (HostileMeasurement.Round) -> ServedLatency) -> String {
        decimal(median(own.map { run($0).p99Microseconds }), places: 0)
      }
      table.add([
        attack.title, "\(attack.connections)",
        ratio(attack, to: \.peace, \.p50Microseconds).text(places: 2),
        ratio(attack, to: \.peace, \.p99Microseconds).text(places: 2),
        ratio(attack, to: \.beside, \.p99Microseconds).text(places: 2), middle(\.peace),
        middle(\.beside), middle(\.attacked), "\((own.map(\.anonymousBytes).max() ?? 0) >> 20)",
        endings(attack),
      ])
    }
    return table
  }

  /// Why the daemon ended connections, and how many in the middle one of the rounds.
  private func endings(_ attack: Attack) -> String {
    let names = Set(rounds(attack).flatMap { $0.closures.keys }).sorted()
    return names.map { name in
      let count = median(rounds(attack).map { Double($0.closures[name] ?? 0) })
      return "\(name) \(decimal(count, places: 0))"
    }.joined(separator: ", ")
  }

  var text: String {
    table.text + "\n\n" + BudgetLine.table(budget).text + "\n\n" + longestCallback
  }

  private var longestCallback: String {
    let longest = longestMilliseconds.map { decimal($0, places: 1) } ?? "unknown"
    return "Longest callback of the daemon's loop: \(longest) ms of CPU time."
  }

  var markdown: String {
    "\(Machine.description); \(rounds) rounds of three runs for each attack, with "
      + "\(decimal(result.rate, places: 0)) messages a second of one client that behaves.\n\n"
      + table.markdown + "\n\n" + BudgetLine.table(budget).markdown + "\n\n" + longestCallback
  }

  var json: JSONObject {
    var json = JSONObject()
    json.set("machine", Machine.description)
    json.set("messagesPerSecond", result.rate, places: 0)
    json.set("rounds", result.rounds.map(round))
    if let longest = result.longestCallbackMicroseconds {
      json.set("longestCallbackMicroseconds", longest)
    }
    json.set("budget", budget.map(\.json))
    return json
  }

  private func round(_ round: HostileMeasurement.Round) -> JSONObject {
    var json = JSONObject()
    json.set("attack", round.attack.rawValue)
    json.set("peace", round.peace.json)
    json.set("otherAttacked", round.beside.json)
    json.set("attacked", round.attacked.json)
    var closures = JSONObject()
    for (name, count) in round.closures.sorted(by: { $0.key < $1.key }) {
      closures.set(name, count)
    }
    json.set("closed", closures)
    json.set("anonymousBytes", round.anonymousBytes)
    return json
  }
}
