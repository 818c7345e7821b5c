/// Settings, and where each of them comes from.
package struct Configuration: Equatable, Sendable {
  package let settings: DaemonSettings
  /// What was read to make it; reading it again is a reload.
  package let inputs: ConfigurationInputs
  /// By concrete key, such as `routes[0].buffer_bytes`; what isn't there is at its default.
  package let sources: [String: SettingSource]
  /// What looks like a mistake and does no harm.
  package let notices: [String]
  /// What was in the files that the upstreams read at the start.
  var fileMarks: [String: FileMark] = [:]

  package func source(_ key: String) -> SettingSource { sources[key] ?? .standard }
}

/// Where settings are read from. Options win over variables, variables over the file, the file over
/// defaults.
package struct ConfigurationInputs: Equatable, Sendable {
  package var path: String?
  package var variables: [Text] = []
  package var options: [Text] = []

  package init(path: String? = nil) { self.path = path }

  /// A variable with its whole name, an option without its dashes.
  package struct Text: Equatable, Sendable {
    package let name: String
    package let value: String
    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The variables that may be ours.
  package static let variablePrefix = "FOREBAY_"
}

/// What said a setting's value.
package enum SettingSource: Equatable, Sendable, CustomStringConvertible {
  case standard
  case file(String, line: Int)
  case variable(String)
  case option(String)
  /// An operator, while it runs.
  case command(String)

  package var description: String {
    switch self {
    case .standard: "default"
    case .file(let path, let line): "\(path):\(line)"
    case .variable(let name): name
    case .option(let name): "--\(name)"
    case .command(let name): name
    }
  }
}

/// Everything that is wrong with a configuration, at once.
package struct ConfigurationProblems: Error, Equatable, Sendable, CustomStringConvertible {
  package let problems: [ConfigurationProblem]

  package init(problems: [ConfigurationProblem]) { self.problems = problems }

  /// One a line.
  package var description: String { problems.map(\.description).joined(separator: "\n") }

  /// Whether it is the command line alone that is wrong.
  package var areUsage: Bool {
    problems.allSatisfy { if case .option = $0.source { true } else { $0.source == .standard } }
  }
}

package struct ConfigurationProblem: Equatable, Sendable, CustomStringConvertible {
  package let source: SettingSource
  /// Empty where it is about the file as a whole.
  package let key: String
  package let text: String

  package init(source: SettingSource, key: String, text: String) {
    self.source = source
    self.key = key
    // It may repeat what somebody wrote.
    self.text = Quoted.plain(text)
  }

  /// `forebay.yaml:12: routes[0].buffer_bytes: must be …`, `--buffer-bytes: must be …`
  package var description: String {
    let parts: [String] =
      switch source {
      case .standard: [key, text]
      case .file: ["\(source)", key, text]
      // The option or variable says which setting it is.
      case .variable, .option, .command: ["\(source)", text]
      }
    return parts.filter { !$0.isEmpty }.joined(separator: ": ")
  }
}
