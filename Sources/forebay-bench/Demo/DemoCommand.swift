import ArgumentParser
import ForebayCore
import Glibc

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Shows backpressure: producers slowed by windows, an upstream killed and revived.",
    discussion: """
      Two forebayd, which must lie beside forebay-bench, and several producers are started in a \
      temporary folder and ended again; it takes about 40 s. On a terminal of 80 × 24 or more the \
      view is drawn over itself, elsewhere a line a second is printed.

      The exit code is 0 only if all numbers agree in the end: those of the producers, of the \
      daemons and of the journal.
      """)

  @Flag(help: "A line a second also on a terminal.")
  var plain = false

  @Flag(help: "Leave the journal and the logs where they are, and say where.")
  var keep = false

  func run() throws {
    let settings = DemoSettings()
    guard let folder = makeTemporaryFolder() else {
      throw DemoFailure("can't create a folder in /tmp")
    }
    let screen = Screen(lineCount: View(settings, columns: 80).lineCount, isPlain: plain)
    let demo = Demo(settings, DemoPlace(folder: folder), screen)
    let status = demo.run()
    if keep { screen.print("kept: \(folder)") } else { removeFolder(folder) }
    if status != 0 { throw ExitCode(status) }
  }
}

/// One whole run, and how it is reported.
struct Demo {
  private let settings: DemoSettings
  private let place: DemoPlace
  private let screen: Screen

  init(_ settings: DemoSettings, _ place: DemoPlace, _ screen: Screen) {
    self.settings = settings
    self.place = place
    self.screen = screen
  }

  /// Returns the exit code.
  func run() -> Int32 {
    introduce()
    let stage: Stage
    do { stage = try Stage(settings, place, screen) } catch {
      printError("the demo can't start: \(error)")
      return 1
    }
    defer { stage.clear() }
    do {
      try Story(stage: stage).tell()
      return try judge(stage)
    } catch let interrupted as Stage.Interrupted {
      screen.leave()
      screen.print("interrupted")
      return 128 + interrupted.signal
    } catch {
      screen.leave()
      screen.print(StyledLine("The demo went wrong: \(error).", .red))
      showLogs(stage)
      return 1
    }
  }

  private func introduce() {
    guard !screen.isLive else { return }
    screen.print(
      """
      \(settings.producers) producers -> forebayd (holds \(settings.bufferMessages) messages) -> \
      hub, another forebayd (\(settings.hubBufferMessages)) -> journal
      They offer \(settings.offered) messages a second; the hub's journal may take \
      \(settings.rate). Then the hub is killed, and started again.

      \(PlainView.heading)
      """)
  }

  private func judge(_ stage: Stage) throws -> Int32 {
    screen.leave()
    let complaints = stage.endDaemons()
    let journal = try JournalTally.read(place.journal)
    stage.record { $0.journal = journal }
    let verdict = Verdict(stage.facts, settings)
    screen.print("")
    for line in verdict.lines { screen.print(line) }
    for complaint in complaints { screen.print(StyledLine("  " + complaint, .red)) }
    screen.print("")
    guard verdict.isRight, complaints.isEmpty else {
      screen.print(StyledLine("The numbers disagree.", .red))
      showLogs(stage)
      return 1
    }
    screen.print(
      StyledLine("Producers waited, nothing overflowed, nothing was lost.", .green))
    return 0
  }

  private func showLogs(_ stage: Stage) {
    for daemon in [stage.daemon, stage.hub] {
      screen.print(StyledLine("The last that \(daemon.name) logged:", .bold))
      for line in daemon.lastWords(20) { screen.print("  " + line) }
    }
  }
}
