import ArgumentParser
import ForebayStore
import Glibc

/// `forebayctl journal …`: reads the file of a `journal:PATH` upstream, whether or not its daemon runs.
struct JournalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "journal", abstract: "Read the embedded journal, also while the daemon writes it.",
    subcommands: [Cat.self, Tail.self, Stats.self])
}

private struct JournalPath: ParsableArguments {
  @Argument(help: "The journal's file, with or without \"journal:\" before it.")
  var file: String

  var path: String { file.hasPrefix("journal:") ? String(file.dropFirst(8)) : file }
}

private struct JournalFormatOptions: ParsableArguments {
  @Flag(help: "Print JSON lines: id, time, origin's tag, sequence, lane, extensions and payload.")
  var json = false

  @Flag(help: "Print each message's key and a tab before its payload.")
  var keys = false

  func validate() throws {
    if json && keys { throw ValidationError("--json has the keys already; leave out --keys") }
  }

  /// Payloads go out untouched, unless a terminal would obey what is in them.
  var format: JournalFormat {
    let escapes = isatty(STDOUT_FILENO) == 1
    if json { return .json }
    return keys ? .keyed(escapesControls: escapes) : .payload(escapesControls: escapes)
  }
}

extension JournalCommand {
  fileprivate struct Cat: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print messages, oldest first.")
    @OptionGroup var journal: JournalPath
    @OptionGroup var style: JournalFormatOptions
    @Option(help: "Begin with the message of this id.")
    var from: Int64 = 1
    @Option(help: "Print at most this many.")
    var limit: Int?

    func run() throws {
      try printJournal(
        JournalReader(path: journal.path), from: from, limit: max(0, limit ?? .max),
        as: style.format, to: OutputBuffer(descriptor: STDOUT_FILENO))
    }
  }

  fileprivate struct Tail: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the newest messages.")
    @OptionGroup var journal: JournalPath
    @OptionGroup var style: JournalFormatOptions
    @Option(name: [.customShort("n"), .long], help: "How many.")
    var lines = 10
    @Flag(name: .shortAndLong, help: "Go on with what comes, until interrupted.")
    var follow = false

    func run() throws {
      let output = OutputBuffer(descriptor: STDOUT_FILENO)
      try followJournal(
        path: journal.path, last: max(0, lines), as: style.format, to: output,
        shouldStop: { !follow })
    }
  }

  fileprivate struct Stats: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Count messages, bytes, origins and duplicates.")
    @OptionGroup var journal: JournalPath
    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
      try printStatistics(
        JournalReader(path: journal.path), asJSON: json,
        to: OutputBuffer(descriptor: STDOUT_FILENO))
    }
  }
}
