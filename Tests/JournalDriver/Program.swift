/// Writes to a journal as the daemon's loop would: for tests that kill a process, and to measure.
///
///     JournalDriver write PATH          writes until it is killed; says "committed N" for each report
///     JournalDriver measure PATH …      see Measurement.swift
@main
enum Program {
  static func main() {
    let arguments = CommandLine.arguments
    switch arguments.dropFirst().first {
    case "write" where arguments.count == 3: writeForEver(path: arguments[2])
    case "measure" where arguments.count >= 3: measure(Array(arguments.dropFirst(2)))
    default: fatalError("usage: JournalDriver write PATH | measure PATH [OPTION…]")
    }
  }
}
