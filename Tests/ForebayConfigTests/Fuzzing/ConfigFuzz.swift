import FuzzSupport

@testable import ForebayConfig
@testable import ForebayCore

/// The configuration file, any bytes. It never stops the process; what is wrong is told in one line
/// without control characters, and with a line of the file. What is accepted works: it has no problems,
/// can be printed and explained, and a running daemon can reload it, whatever it ran with.
enum ConfigFuzz: FuzzTarget {
  static let name = "config"

  static func problem(with input: UnsafeRawBufferPointer) -> String? {
    let text = Array(input)
    let inputs = ConfigurationInputs(path: "f.yaml")
    switch ConfigurationLoader.load(inputs, text: text) {
    case .failure(let problems):
      // YAML breaks lines at more than a newline, and its reader adds one at the end.
      let lines = text.count { [0x0a, 0x0d, 0x85, 0xa8, 0xa9].contains($0) } + 1
      return told(problems, lines: lines)
    case .success(let configuration):
      return used(configuration)
    }
  }

  private static func told(_ problems: ConfigurationProblems, lines: Int) -> String? {
    if problems.problems.isEmpty { return "it was refused for nothing" }
    for problem in problems.problems {
      let text = problem.description
      if text.unicodeScalars.contains(where: { $0.value < 0x20 || (0x7f..<0xa0) ~= $0.value }) {
        return "a problem isn't one line of text: \(text.debugDescription)"
      }
      guard case .file(_, let line) = problem.source else { return "without a line: \(text)" }
      if line < 1 || line > lines + 1 { return "line \(line) of \(lines): \(text)" }
    }
    return nil
  }

  private static func used(_ configuration: Configuration) -> String? {
    if !configuration.settings.problems().isEmpty { return "accepted with problems" }
    for row in configuration.rows where row.key.isEmpty { return "a row without a key" }
    let standard = Configuration(
      settings: DaemonSettings(), inputs: configuration.inputs, sources: [:], notices: [])
    for (old, new) in [(standard, configuration), (configuration, standard)] {
      guard case .success(let reload) = old.reloaded(with: new) else { continue }
      if !reload.configuration.settings.problems().isEmpty { return "reloaded with problems" }
    }
    return started(configuration.settings.core)
  }

  /// The core runs with it, where that doesn't take much memory.
  private static func started(_ settings: Settings) -> String? {
    guard settings.limits.nurserySegments <= 64 else { return nil }
    var core = Sidecar(settings: settings, seed: 1, now: Instant(nanoseconds: 1))
    core.turnEnded(now: Instant(nanoseconds: 2))
    return core.checkInvariants().first
  }
}
