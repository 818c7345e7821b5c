import Testing

@testable import ForebayCore

extension SidecarHarness {
  /// New settings for the running core, as an operator's reload brings them.
  func reload(
    _ at: SourceLocation = #_sourceLocation, change: (inout Settings) -> Void
  ) {
    var settings = core.settings
    change(&settings)
    let problems = reload(to: settings)
    #expect(problems.isEmpty, sourceLocation: at)
  }

  /// Returns what forbids it.
  func reload(to settings: Settings) -> [SettingProblem] {
    var problems: [SettingProblem] = []
    event { problems = core.reconfigure(settings, now: now) }
    return problems
  }

  /// What the route has promised, and what it may.
  var committed: Cost { core.routes[0].pool.open + core.routes[0].pool.held }
  var excess: Cost { core.routes[0].pool.excess }
}
