/// What attacks cost those that behave, as it is written down.
struct HostileReport {
  let result: HostileMeasurement.Result
  let rounds: Int

  private func pairs(_ attack: Attack) -> [HostileMeasurement.Pair] {
    result.pairs.filter { $0.attack == attack }
  }

  private func ratio(
    _ attack: Attack, _ figure: (ServedLatency) -> Double
  ) -> MedianInterval {
    bootstrapMedian(pairs(attack).map { figure($0.attacked) / figure($0.peace) })
  }

  private var attacks: [Attack] { Attack.allCases.filter { !pairs($0).isEmpty } }

  var budget: [BudgetLine] {
    attacks.map { attack in
      BudgetLine(
        what: "\(attack.title): p99 of one who behaves, attacked ÷ at peace", limit: 1.5,
        measured: ratio(attack) { $0.p99Microseconds }, measurements: pairs(attack).count)
    }
  }

  var table: Table {
    var table = Table(
      ["attack", "connections", "p50, × peace", "p99, × peace", "p99 µs", "ended, a round"],
      words: 1)
    for attack in attacks {
      let p99 = pairs(attack).map(\.attacked.p99Microseconds)
      table.add([
        attack.title, "\(attack.connections)", ratio(attack) { $0.p50Microseconds }.text(places: 2),
        ratio(attack) { $0.p99Microseconds }.text(places: 2), decimal(median(p99), places: 0),
        endings(attack),
      ])
    }
    return table
  }

  /// Why the daemon ended connections, and how many in the middle one of the rounds.
  private func endings(_ attack: Attack) -> String {
    let names = Set(pairs(attack).flatMap { $0.closures.keys }).sorted()
    return names.map { name in
      let count = median(pairs(attack).map { Double($0.closures[name] ?? 0) })
      return "\(name) \(decimal(count, places: 0))"
    }.joined(separator: ", ")
  }

  var text: String {
    table.text + "\n\n" + BudgetLine.table(budget).text + "\n\n" + longestCallback
  }

  private var longestCallback: String {
    let longest = result.longestCallbackMicroseconds.map { decimal(Double($0) / 1e3, places: 1) }
    return "Longest callback of the daemon's loop: \(longest ?? "unknown") ms of CPU time."
  }

  var markdown: String {
    "\(Machine.description); \(rounds) pairs of runs for each attack, with "
      + "\(decimal(result.rate, places: 0)) messages a second of one client that behaves.\n\n"
      + table.markdown + "\n\n" + longestCallback
  }

  var json: JSONObject {
    var json = JSONObject()
    json.set("machine", Machine.description)
    json.set("messagesPerSecond", result.rate, places: 0)
    json.set(
      "pairs",
      result.pairs.map { pair in
        var json = JSONObject()
        json.set("attack", pair.attack.rawValue)
        json.set("peace", pair.peace.json)
        json.set("attacked", pair.attacked.json)
        var closures = JSONObject()
        for (name, count) in pair.closures.sorted(by: { $0.key < $1.key }) {
          closures.set(name, count)
        }
        json.set("closed", closures)
        return json
      })
    if let longest = result.longestCallbackMicroseconds {
      json.set("longestCallbackMicroseconds", longest)
    }
    json.set("budget", budget.map(\.json))
    return json
  }
}
