import ForebayUV
import Glibc

/// What a program printed on both outputs, and how it ended.
struct ProgramOutput {
  let ending: ChildProcess.Ending
  let text: String

  /// Runs a program to its end; nil if it can't be started. `scratch` is a folder for what it prints.
  static func of(_ words: [String], scratch: String) -> ProgramOutput? {
    let path = scratch + "/output"
    let descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return nil }
    defer {
      close(descriptor)
      unlink(path)
    }
    var ending: ChildProcess.Ending?
    do {
      let loop = try Loop()
      _ = try? ChildProcess(
        on: loop, words, stdio: [.ignored, .descriptor(descriptor), .descriptor(descriptor)]
      ) { ending = $0 }
      loop.run()
      try loop.finish()
    } catch { return nil }
    guard let ending, let text = readFile(path) else { return nil }
    return ProgramOutput(ending: ending, text: text)
  }
}

/// Where a program is: a path, or a name that is looked for beside this program and in PATH.
func executable(_ candidate: String) -> String? {
  if candidate.contains("/") { return access(candidate, X_OK) == 0 ? candidate : nil }
  let path = getenv("PATH").map { String(cString: $0) } ?? ""
  return ([folderOfThisProgram()] + path.split(separator: ":").map(String.init))
    .map { "\($0)/\(candidate)" }.first { access($0, X_OK) == 0 }
}
