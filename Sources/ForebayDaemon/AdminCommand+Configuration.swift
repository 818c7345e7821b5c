import ForebayConfig
import ForebayCore

extension AdminCommand {
  /// What is configured, and changing it.
  static let configuration: [AdminCommand] = [
    AdminCommand(
      "show config", "[changed]", level: .operate,
      "every setting and what said so; changed: those that aren't at their default",
      columns: ["key", "value", "default", "source", "reloadable"]
    ) { daemon, request throws(AdminError) in
      let onlyChanged = request.take("changed")
      try request.end()
      let rows = daemon.configurationRows.filter { !onlyChanged || $0.isChanged }
      return .listing("config", FixedListing(rows.map(describe)))
    },
    // Its messages quote what it reads, so it is for those who may read what the daemon may.
    AdminCommand(
      "validate", "[path]", level: .admin,
      "check the configuration, or another file as if it were the configuration; nothing changes"
    ) { daemon, request throws(AdminError) in
      var inputs = daemon.configuration.inputs
      if let path = request.next() { inputs.path = path }
      try request.end()
      let reading = Pending<Result<Configuration, ConfigurationProblems>>()
      daemon.check(inputs) { reading.result = $0 }
      return wait(reading) { result in
        switch result {
        case .success: .met("valid")
        case .failure(let problems): .failed(refusal(problems.problems.map(\.description)))
        }
      }
    },
    AdminCommand(
      "reload", level: .admin, "check the configuration and take over what can change"
    ) { daemon, request throws(AdminError) in
      try request.end()
      let reload = Pending<Daemon.Reloaded>()
      daemon.reload { reload.result = $0 }
      return wait(reload) { result in
        switch result {
        case .refused(let problems): .failed(refusal(problems))
        case .done(let changed, let needsRestart): .met(summary(changed, needsRestart))
        }
      }
    },
  ]

  private static func describe(_ row: ConfigurationRow) -> AdminValue {
    .object([
      "key": .text(row.key), "value": .text(row.value), "default": .text(row.standard),
      "source": .text(row.source.description), "reloadable": .flag(row.isReloadable),
    ])
  }

  private static func summary(_ changed: [String], _ needsRestart: [String]) -> String {
    let news = changed.isEmpty ? "nothing changed" : "changed: " + changed.joined(separator: ", ")
    return needsRestart.isEmpty
      ? news : "\(news); a restart is needed for: " + needsRestart.joined(separator: ", ")
  }

  /// All of them in the one line that an error has.
  private static func refusal(_ problems: [String]) -> AdminError {
    let numbered = problems.enumerated().map {
      problems.count == 1 ? $1 : "(\($0 + 1)) \($1)"
    }
    return AdminError(.configuration, numbered.joined(separator: " "))
  }

  private static func wait<Value>(
    _ pending: Pending<Value>, _ outcome: @escaping (Value) -> AdminWait.Outcome
  ) -> AdminReply {
    .wait(
      AdminWait(
        timeout: AdminRequest.timeoutDefault, late: { _ in "the file is still being read" },
        outcome: { _ in pending.result.map(outcome) ?? .pending }))
  }
}

/// What comes later.
private final class Pending<Value> {
  var result: Value?
}
