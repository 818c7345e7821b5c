/// What idleness costs, as it is written down.
struct IdleReport {
  let result: IdleMeasurement.Result

  /// The budget of the architecture for a daemon that has nothing to do.
  var budget: [BudgetLine] {
    let one = { (value: Double) in MedianInterval(median: value, low: value, high: value) }
    let memory = result.memoryAtStart.map { Double($0.anonymous) / 1024 }
    return [
      BudgetLine(
        what: "start to ready, ms", limit: 200, measured: bootstrapMedian(result.startMilliseconds),
        measurements: result.startMilliseconds.count),
      BudgetLine(
        what: "forebayctl ping, ms", limit: 10, measured: bootstrapMedian(result.pingMilliseconds),
        measurements: result.pingMilliseconds.count),
      BudgetLine(
        what: "anonymous memory before the first message, MiB", limit: 8,
        measured: bootstrapMedian(memory), measurements: memory.count),
      BudgetLine(
        what: "CPU of one core with \(result.clients) idle clients, %", limit: 0.2,
        measured: one(result.cpuPercent), measurements: 1),
      BudgetLine(
        what: "memory for one idle client beyond the kernel's, bytes", limit: 2048,
        measured: one(result.bytesPerClient), measurements: 1),
    ]
  }

  var text: String { table.text }

  private var table: Table { BudgetLine.table(budget) }

  var markdown: String {
    "\(Machine.description). \(result.clients) clients, idle for "
      + "\(decimal(result.seconds, places: 0)) s; starts and pings in a series.\n\n"
      + table.markdown
  }

  var json: JSONObject {
    var json = JSONObject()
    json.set("machine", Machine.description)
    json.set("startMilliseconds", result.startMilliseconds)
    json.set("pingMilliseconds", result.pingMilliseconds)
    json.set("rssAnonKiBAtStart", result.memoryAtStart.map { Double($0.anonymous) }, places: 0)
    json.set("rssKiBAtStart", result.memoryAtStart.map { Double($0.total) }, places: 0)
    json.set("idleClients", result.clients)
    json.set("seconds", result.seconds)
    json.set("cpuPercent", result.cpuPercent, places: 4)
    json.set("rssAnonKiBBefore", result.memoryBefore.anonymous)
    json.set("rssAnonKiBWithClients", result.memoryWithClients.anonymous)
    json.set("bytesPerClient", result.bytesPerClient, places: 0)
    json.set("budget", budget.map(\.json))
    return json
  }
}
