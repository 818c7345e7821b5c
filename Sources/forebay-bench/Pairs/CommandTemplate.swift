import Glibc

/// A command line with places for what differs from run to run: `{socket}`, `{admin}`, `{sink}` and
/// `{directory}`.
struct CommandTemplate: Equatable, Sendable {
  var text: String

  /// The words of the command. A program without a slash is looked for beside this one first.
  func words(socket: String, sink: String, directory: String) -> [String] {
    var words = text.split(separator: " ").map { word in
      var word = String(word)
      for (place, value) in [
        ("{socket}", socket), ("{admin}", directory + "/admin.sock"), ("{sink}", sink),
        ("{directory}", directory),
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

private func folderOfThisProgram() -> String {
  let path = pathOfThisProgram()
  return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
}
