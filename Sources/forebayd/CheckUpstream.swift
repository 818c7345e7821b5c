import ArgumentParser
import ForebayConfig
import ForebayDaemon

/// `forebayd check-upstream URL`
struct CheckUpstream: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-upstream",
    abstract: "Connects to an upstream as the daemon would, and says what it found.",
    discussion: """
      It sends no message unless asked. What the URL doesn't say (TLS, passwords, names) comes from the \
      configuration file's route of that name, and from variables, as it does for the daemon. Exit \
      status: 0 messages could go there; 1 they couldn't; 64 usage; 78 the configuration is wrong.
      """)

  @Argument(help: ArgumentHelp("Where it is; without it, where the file's route leads."))
  var url: String?

  @Option(help: ArgumentHelp("Read settings from this YAML file.", valueName: "file"))
  var config: String?

  /// The parser gives `--config` to the program itself, wherever it stands; ours is for the help.
  @ParentCommand var program: Forebayd

  @Option(help: ArgumentHelp("The file's route; without it the first.", valueName: "name"))
  var route: String?

  @Flag(help: "Send one message, too.")
  var send = false

  func run() throws {
    let target = try read()
    Output.write("\(target.address)\n")
    do {
      for line in try UpstreamCheck.run(target, sends: send) { Output.write("  \(line)\n") }
    } catch {
      Output.complain("  \(error)\n")
      throw ExitCode.failure
    }
  }

  private func read() throws -> RouteTarget {
    let variables = Environment.variables(beginning: ConfigurationInputs.variablePrefix)
    var inputs = ConfigurationInputs(
      path: config ?? program.config
        ?? variables.last { $0.name == SettingsTable.fileVariable }?.value)
    guard url != nil || inputs.path != nil else {
      throw ValidationError("say which: an URL, or a file with --config")
    }
    inputs.variables = variables
    if inputs.path == nil, let url { inputs.options = [.init("upstream", url)] }
    let configuration: Configuration
    switch ConfigurationLoader.load(inputs) {
    case .success(let read): configuration = read
    case .failure(let problems):
      Output.complain(problems.description + "\n")
      throw ExitCode(inputs.path == nil ? 64 : 78)
    }
    let routes = configuration.settings.routes
    guard
      var target = route.map({ name in routes.first { $0.name == name } }) ?? routes.first
    else { throw ValidationError("the file has no such route") }
    if let url, inputs.path != nil {
      do { target.address = try UpstreamAddress(url) } catch {
        throw ValidationError(error.description)
      }
    }
    return target
  }
}
