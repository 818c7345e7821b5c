import ArgumentParser
import ForebayConfig
import ForebayDaemon

@main
struct Forebayd: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forebayd",
    abstract:
      "Holds a bounded number of messages and makes producers slow down before it overflows.",
    discussion: """
      Each setting has its default, can be written in a file, and some can be set by an environment \
      variable or an option; an option wins over a variable, a variable over the file. What holds for \
      a route holds for each of them when it is set by a variable or an option.
      """,
    version: Daemon.version, subcommands: [CheckUpstream.self])

  @Option(
    help: ArgumentHelp(
      "Read settings from this YAML file (also FOREBAY_CONFIG).", valueName: "file"))
  var config: String?

  @Flag(help: "Say what would be done, or what is wrong (exit status 78), and end.")
  var checkConfig = false

  @Option(
    help: ArgumentHelp(
      "Print a file with every setting (sample), its JSON Schema (schema), the tables of the manual "
        + "(manual), or the settings as they would be now (settings), and end.", valueName: "what"))
  var print: Printed?

  enum Printed: String, ExpressibleByArgument, CaseIterable {
    case sample, schema, manual, settings
  }

  @Option(help: .setting("socket")) var socket: String?
  @Option(help: .setting("admin-socket")) var adminSocket: String?
  @Option(help: .setting("peer-listen")) var peerListen: String?
  @Option(
    name: [.customLong("upstream")],
    help: .setting("upstream", "NAME=URL gives the route a name, and the option may be repeated."))
  var upstreams: [String] = []
  @Option(help: .setting("buffer-messages")) var bufferMessages: String?
  @Option(help: .setting("buffer-bytes")) var bufferBytes: String?
  @Option(help: .setting("window-messages")) var windowMessages: String?
  @Option(help: .setting("frame-bytes")) var frameBytes: String?
  @Option(help: .setting("rate")) var rate: String?
  @Option(help: .setting("attempt-timeout")) var attemptTimeout: String?
  @Option(help: .setting("drain-timeout")) var drainTimeout: String?
  @Option(help: .setting("connections-max")) var connectionsMax: String?
  @Option(help: .setting("connections-per-user-max")) var connectionsPerUserMax: String?
  @Option(help: .setting("log-level")) var logLevel: String?

  func run() throws {
    switch print {
    case .sample: return Output.write(Sample.text)
    case .schema: return Output.write(Schema.text)
    case .manual: return Output.write(Manual.text)
    case .settings:
      let rows = try read().rows.map { "\($0.key): \($0.value)  # \($0.source)" }
      return Output.write(rows.map { $0 + "\n" }.joined())
    case nil: break
    }
    let configuration = try read()
    if checkConfig { return Output.write(configuration.plan + "\n") }
    do {
      try Daemon(configuration).run()
    } catch {
      throw StartError(reason: "\(error)")
    }
  }

  struct StartError: Error, CustomStringConvertible {
    let reason: String
    var description: String { "forebayd can't start: \(reason)" }
  }

  /// A wrong command line is usage (64); a wrong file or variable is configuration (78), as
  /// everything is that `--check-config` finds.
  private func read() throws -> Configuration {
    switch ConfigurationLoader.load(inputs) {
    case .success(let configuration): return configuration
    case .failure(let problems):
      if problems.areUsage, inputs.path == nil, !checkConfig {
        throw ValidationError(problems.description)
      }
      Output.complain(problems.description + "\n")
      throw ExitCode(Self.configurationStatus)
    }
  }
  /// EX_CONFIG of sysexits.
  private static let configurationStatus: Int32 = 78

  private var inputs: ConfigurationInputs {
    let variables = Environment.variables(beginning: ConfigurationInputs.variablePrefix)
    var inputs = ConfigurationInputs(
      path: config ?? variables.last { $0.name == SettingsTable.fileVariable }?.value)
    inputs.variables = variables
    inputs.options = options
    return inputs
  }

  private var options: [ConfigurationInputs.Text] {
    let given: [(String, String?)] = [
      ("socket", socket), ("admin-socket", adminSocket), ("peer-listen", peerListen),
      ("buffer-messages", bufferMessages), ("buffer-bytes", bufferBytes),
      ("window-messages", windowMessages), ("frame-bytes", frameBytes), ("rate", rate),
      ("attempt-timeout", attemptTimeout), ("drain-timeout", drainTimeout),
      ("connections-max", connectionsMax), ("connections-per-user-max", connectionsPerUserMax),
      ("log-level", logLevel),
    ]
    return given.compactMap { name, value in value.map { .init(name, $0) } }
      + upstreams.map { .init("upstream", $0) }
  }
}

extension ArgumentHelp {
  /// What the table of settings says of an option.
  fileprivate static func setting(_ flag: String, _ more: String = "") -> ArgumentHelp {
    guard let row = SettingsTable.row(flag: flag) else { return ArgumentHelp(more) }
    let summary = more.isEmpty ? row.summary : "\(row.summary) \(more)"
    return ArgumentHelp("\(summary) (\(row.range); default: \(row.standard))", valueName: row.kind)
  }
}
