import ArgumentParser
import ForebayCore

struct HostileCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hostile",
    abstract: "Measures what attacks on forebayd cost a client that behaves.",
    discussion: """
      One client sends at an even pace at peace, while another daemon is attacked, and while its own \
      is. The attacks: connections that dribble a byte a second, giant lengths, empty frames, floods \
      of control frames and of DATA without credit, and loops of reconnects. The attackers are a process of the same user, which \
      is the hardest case: they share one principal's part of everything. They have only the \
      processor time that nobody else wants.
      """)

  @OptionGroup var measurement: MeasurementOptions

  @Option(help: "How long one run is.")
  var duration: TimeArgument?

  @Option(help: "Messages a second of the client that behaves.")
  var rate = 1_000.0

  @Option(help: "Only this attack (more than once for several).")
  var attack: [Attack] = []

  func validate() throws {
    guard (1...100_000).contains(rate) else {
      throw ValidationError("--rate must be 1 to 100000.")
    }
  }

  func run() throws { try measurement.inFolder(run) }

  private func run(in directory: String) throws {
    let smoke = measurement.smoke
    let rounds = measurement.rounds ?? (smoke ? 1 : 8)
    let result = HostileReport(
      result: try HostileMeasurement(
        daemon: "\(folderOfThisProgram())/forebayd",
        attacks: attack.isEmpty ? Attack.allCases : attack, rounds: rounds,
        span: duration?.span ?? (smoke ? .milliseconds(200) : .seconds(2)), rate: rate,
        directory: directory, progress: printError
      ).run(), rounds: rounds)
    try measurement.conclude(
      result.text, result.json, isKept: result.budget.allSatisfy(\.isMet)
    ) { folder in
      try folder.write("benchmark-hostile.json", result.json.text)
      try folder.writeSection("hostile", result.markdown)
    }
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
