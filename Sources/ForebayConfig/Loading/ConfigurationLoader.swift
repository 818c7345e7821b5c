/// Puts defaults, file, variables and options together, and notes who said what.
package struct ConfigurationLoader {
  let inputs: ConfigurationInputs
  var settings = DaemonSettings()
  var sources: [String: SettingSource] = [:]
  /// The lines on which keys and elements of lists begin.
  var lines: [String: Int] = [:]
  var problems: [ConfigurationProblem] = []
  /// The file couldn't be read to its end, so what depends on the whole isn't asked.
  var isFileUnreadable = false

  private init(_ inputs: ConfigurationInputs) { self.inputs = inputs }

  /// Reads the file, if there is one, and everything else; and what is in the files that it names, to know
  /// it again.
  package static func load(
    _ inputs: ConfigurationInputs
  ) -> Result<Configuration, ConfigurationProblems> {
    var loader = ConfigurationLoader(inputs)
    if let path = inputs.path {
      do throws(ConfigurationFile.Failure) {
        loader.readFile(try ConfigurationFile.read(path))
      } catch {
        loader.problems.append(
          ConfigurationProblem(source: .standard, key: path, text: error.text))
        loader.isFileUnreadable = true
      }
    }
    return loader.finish().map {
      var configuration = $0
      configuration.fileMarks = configuration.settings.fileMarks
      return configuration
    }
  }

  /// The same with the file's text, wherever that is from, and without a look at any other file.
  package static func load(
    _ inputs: ConfigurationInputs, text: [UInt8]
  ) -> Result<Configuration, ConfigurationProblems> {
    var loader = ConfigurationLoader(inputs)
    loader.readFile(text)
    return loader.finish()
  }

  private mutating func finish() -> Result<Configuration, ConfigurationProblems> {
    readTexts()
    if !isFileUnreadable {
      // A value that couldn't be read left the default behind, of which nothing needs to be said.
      let unread = problems.map(\.key)
      for problem in settings.problems() where !unread.contains(problem.key) { note(problem) }
    }
    guard problems.isEmpty else { return .failure(ConfigurationProblems(problems: sorted)) }
    return .success(
      Configuration(
        settings: settings, inputs: inputs, sources: sources, notices: Notices.of(inputs)))
  }

  /// Those of the file first, in its order.
  private var sorted: [ConfigurationProblem] {
    func line(_ problem: ConfigurationProblem) -> Int {
      if case .file(_, let line) = problem.source { line } else { .max }
    }
    return problems.enumerated().sorted {
      (line($0.element), $0.offset) < (line($1.element), $1.offset)
    }.map(\.element)
  }

  /// A problem of several settings together, told where the one that it is about was said; where that
  /// is at its default, at the nearest thing around it, or else at what can't go with the default.
  private mutating func note(_ problem: KeyProblem) {
    var source = sources[problem.key]
    var around = problem.key[...]
    while source == nil, !around.isEmpty {
      if let line = lines[String(around)] { source = file(line) }
      around = around.lastIndex { $0 == "." || $0 == "[" }.map { around[..<$0] } ?? ""
    }
    problems.append(
      ConfigurationProblem(
        source: source ?? cause(of: problem) ?? .standard, key: problem.key, text: problem.text))
  }

  /// What said the setting without which there would be no such problem. Routes, sockets and classes
  /// that somebody wrote have lines of their own, so it is one of the process.
  private func cause(of problem: KeyProblem) -> SettingSource? {
    let standard = DaemonSettings()
    for setting in SettingsTable.process.settings {
      guard let source = sources[setting.key] else { continue }
      var without = settings
      setting.copy(standard, &without)
      if !without.problems().contains(where: { $0.key == problem.key }) { return source }
    }
    return nil
  }

  func file(_ line: Int) -> SettingSource { .file(inputs.path ?? "configuration", line: line) }

  mutating func refuse(_ line: Int, _ key: String, _ text: String) {
    problems.append(ConfigurationProblem(source: file(line), key: key, text: text))
  }
}
