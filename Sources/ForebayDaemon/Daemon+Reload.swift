import ForebayConfig
import ForebayCore
import ForebayUV

// New settings while it runs: by SIGHUP, and by the admin socket's `reload`.
//
//     read, check, merge with what runs (on a pool thread) ─▶ the core ─▶ the shell's own
//
// The file is small and bounded, but it may lie on a disk that hangs, and merging takes its time: so the
// loop only gets the result.
extension Daemon {
  /// How a reload ended.
  enum Reloaded {
    /// The old configuration goes on.
    case refused([String])
    /// Settings with their new values, and what only a restart can change.
    case done(changed: [String], needsRestart: [String])
  }

  /// Reads everything again that was read at the start, and takes over what can change. Several requests
  /// at once are one reload, begun after the last of them.
  func reload(_ ended: @escaping (Reloaded) -> Void) {
    reloads.waiting.append(ended)
    if !reloads.isUnderWay { beginReload() }
  }

  private func beginReload() {
    let waiting = reloads.waiting
    reloads.waiting = []
    reloads.isUnderWay = true
    let running = configuration
    aside({
      ConfigurationLoader.load(running.inputs).flatMap(running.reloaded(with:))
    }) { [unowned self] result in
      // During a drain, too: a higher rate may be what it waits for.
      let reloaded = takeOver(result)
      tell(reloaded)
      for ended in waiting { ended(reloaded) }
      reloads.isUnderWay = false
      if !reloads.waiting.isEmpty { beginReload() }
    }
  }

  /// Reads and checks a configuration without using it.
  func check(
    _ inputs: ConfigurationInputs,
    _ ended: @escaping (Result<Configuration, ConfigurationProblems>) -> Void
  ) {
    aside({ ConfigurationLoader.load(inputs) }, ended)
  }

  private func aside<Value: Sendable>(
    _ body: @escaping @Sendable () -> Result<Value, ConfigurationProblems>,
    _ ended: @escaping (Result<Value, ConfigurationProblems>) -> Void
  ) {
    let task = AsideTask(body)
    do throws(UVError) {
      try Work(on: loop) {
        task.run()
      } then: { [unowned self] _ in
        event()
        ended(task.result)
      }
    } catch {
      ended(AsideTask<Value>.failed("\(error)"))
    }
  }

  private func takeOver(_ result: Result<Reload, ConfigurationProblems>) -> Reloaded {
    switch result {
    case .failure(let problems): return .refused(problems.problems.map(\.description))
    case .success(let reload):
      let settings = Self.adapted(reload.configuration.settings, connectionsPossible)
      let refusals = core.reconfigure(settings, now: now)
      guard refusals.isEmpty else { return .refused(refusals.map { "\($0)" }) }
      adopt(reload.configuration)
      return .done(changed: reload.changed, needsRestart: reload.needsRestart)
    }
  }

  /// Every setting as it is now, whether configured or commanded.
  var configurationRows: [ConfigurationRow] {
    let connections = min(settings.limits.connectionsMax, connectionsPossible)
    return configuration.rows.map { row in
      if row.key == "log_level", log.level != settings.logLevel {
        row.overridden(by: "set log", log.level.rawValue)
      } else if row.key == "limits.connections_max", core.connectionsAllowed != connections {
        row.overridden(by: "set maxclients", "\(core.connectionsAllowed)")
      } else {
        row
      }
    }
  }

  private func tell(_ reloaded: Reloaded) {
    switch reloaded {
    case .refused(let problems):
      log.problem("reload refused", ["problems": "\(problems.count)"])
      for problem in problems { log.problem("configuration problem", ["problem": problem]) }
    case .done(let changed, let needsRestart):
      log.event(
        "reloaded", ["changed": "\(changed.count)", "needs_restart": "\(needsRestart.count)"])
      for text in changed { log.event("setting changed", ["setting": text]) }
      for text in needsRestart { log.problem("setting needs a restart", ["setting": text]) }
    }
  }
}

/// Reloads asked for and not ended.
struct PendingReloads {
  var waiting: [(Daemon.Reloaded) -> Void] = []
  var isUnderWay = false
}

/// Something that is done on another thread, and what came of it.
private final class AsideTask<Value: Sendable>: @unchecked Sendable {
  private let body: @Sendable () -> Result<Value, ConfigurationProblems>
  private let lock = Lock()
  private var done: Result<Value, ConfigurationProblems>?

  init(_ body: @escaping @Sendable () -> Result<Value, ConfigurationProblems>) { self.body = body }

  func run() {
    let result = body()
    lock.withLock { done = result }
  }

  var result: Result<Value, ConfigurationProblems> {
    lock.withLock { done } ?? Self.failed("it wasn't read")
  }

  static func failed(_ text: String) -> Result<Value, ConfigurationProblems> {
    .failure(
      ConfigurationProblems(problems: [
        ConfigurationProblem(source: .standard, key: "configuration", text: text)
      ]))
  }
}
