import Glibc

/// A command line with places for what differs from run to run: `{socket}`, `{admin}`, `{sink}`,
/// `{directory}` and `{window}`.
struct CommandTemplate: Equatable, Sendable {
  var text: String

  /// The words of the command. A program without a slash is looked for beside this one first.
  func words(_ run: RunPlace, window: Int) -> [String] {
    var words = text.split(separator: " ").map { word in
      var word = String(word)
      for (place, value) in [
        ("{socket}", run.socket), ("{admin}", run.admin), ("{sink}", run.sink),
        ("{directory}", run.directory), ("{window}", "\(window)"),
      ] {
        word = word.replacing(place, with: value)
      }
      return word
    }
    if let program = words.first, !program.contains("/") {
      let neighbour = neighbourOfThisProgram(program)
      if access(neighbour, X_OK) == 0 { words[0] = neighbour }
    }
    return words
  }
}

/// Of the running executable.
func pathOfThisProgram() -> String {
  withUnsafeTemporaryAllocation(byteCount: Int(PATH_MAX), alignment: 1) { buffer in
    let count = readlink("/proc/self/exe", buffer.baseAddress!, buffer.count)
    return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : ""
  }
}

/// A program that lies beside this one.
func neighbourOfThisProgram(_ name: String) -> String { folderOfThisProgram() + "/" + name }

func folderOfThisProgram() -> String {
  let path = pathOfThisProgram()
  return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
}
