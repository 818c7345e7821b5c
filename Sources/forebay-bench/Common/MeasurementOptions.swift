import ArgumentParser

/// What every command that measures can be asked, and how each ends.
struct MeasurementOptions: ParsableArguments {
  @Option(help: "How many rounds.")
  var rounds: Int?

  @Flag(help: "One round of short runs: shows that everything runs, not how fast.")
  var smoke = false

  @Option(help: "Write the JSON to this file instead of standard output.")
  var report: String?

  @Option(help: "Also write charts, JSON and the tables of benchmarks.md in this folder.")
  var docs: String?

  @Flag(help: "Exit with 1 if a promise isn't kept.")
  var check = false

  func validate() throws {
    guard (1...1_000).contains(rounds ?? 1) else {
      throw ValidationError("--rounds must be 1 to 1000.")
    }
  }

  /// Measures in a folder that is gone afterwards.
  func inFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    guard let directory = makeTemporaryFolder() else {
      throw Children.Failure(description: "can't create a folder in /tmp")
    }
    defer { removeFolder(directory) }
    return try body(directory)
  }

  /// Tells and writes what was measured. The exit status says whether all of it was, and with `--check`
  /// whether every promise is kept.
  func conclude(
    _ text: String, _ json: JSONObject, isWhole: Bool = true, isKept: Bool = true,
    _ write: (DocumentFolder) throws -> Void
  ) throws {
    printError(text)
    if let docs { try write(DocumentFolder(path: docs)) }
    if report != nil || docs == nil { try Output(report).line(json.text) }
    guard isWhole, isKept || !check else { throw ExitCode.failure }
  }
}
