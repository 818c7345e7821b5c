import ArgumentParser
import ForebayCore

struct HostileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hostile",
    abstract: "Measures what attacks on forebayd cost a client that behaves.",
    discussion: """
      One client sends at an even pace, at peace and beside an attack in turn: connections that \
      dribble a byte a second, giant lengths, empty frames, floods of control frames and of DATA \
      without credit, and loops of reconnects. The attackers are a process of the same user, which \
      is the hardest case: they share one principal's part of everything. Where there are few \
      processors, theirs is a part of what they cost.
      """)

  @Option(help: "How many pairs of runs for each attack.")
  var rounds: Int?

  @Option(help: "How long one run is.")
  var duration: TimeArgument?

  @Option(help: "Messages a second of the client that behaves.")
  var rate = 1_000.0

  @Option(help: "Only this attack (more than once for several).")
  var attack: [Attack] = []

  @Flag(help: "One short round: shows that everything runs.")
  var smoke = false

  @Option(help: "Write the JSON to this file instead of standard output.")
  var report: String?

  @Option(help: "Also write JSON and the table of benchmarks.md in this folder.")
  var docs: String?

  @Flag(help: "Exit with 1 if a promise isn't kept.")
  var check = false

  func validate() throws {
    guard (1...1_000).contains(rounds ?? 1), (1...100_000).contains(rate) else {
      throw ValidationError("--rounds must be 1 to 1000, --rate 1 to 100000.")
    }
  }

  func run() throws {
    guard let directory = makeTemporaryFolder() else {
      throw Children.Failure(description: "can't create a folder in /tmp")
    }
    defer { removeFolder(directory) }
    let rounds = rounds ?? (smoke ? 1 : 8)
    let result = HostileReport(
      result: try HostileMeasurement(
        daemon: "\(folderOfThisProgram())/forebayd",
        attacks: attack.isEmpty ? Attack.allCases : attack, rounds: rounds,
        span: duration?.span ?? (smoke ? .milliseconds(200) : .seconds(1)), rate: rate,
        directory: directory, progress: printError
      ).run(), rounds: rounds)
    printError(result.text)
    if let docs {
      let folder = DocumentFolder(path: docs)
      try folder.write("benchmark-hostile.json", result.json.text)
      try folder.writeSection("hostile", result.markdown)
    }
    if report != nil || docs == nil { try Output(report).line(result.json.text) }
    if check, !result.budget.allSatisfy(\.isMet) { throw ExitCode.failure }
  }
}

extension Attack: ExpressibleByArgument {}

/// The attackers' process.
struct AttackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "attack", abstract: "Attacks a socket of forebayd until it is ended.",
    shouldDisplay: false)

  @Argument(help: "What to do.")
  var attack: Attack

  @Argument(help: "The socket.")
  var path: String

  func run() throws { try Attacker(attack, on: path).run() }
}
