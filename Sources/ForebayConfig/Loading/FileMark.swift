/// What a file had in it, without keeping that: enough to see later that it is something else.
///
/// Marks are only of use within one process, and say nothing of what they were made from.
struct FileMark: Equatable, Sendable {
  private let hash: Int

  /// Certificates of many authorities have some hundred kilobytes.
  private static let bytesMax = 1 << 20

  /// A file that can't be read has a mark, too.
  init(of path: String) {
    var hasher = Hasher()
    do throws(ConfigurationFile.Failure) {
      hasher.combine(try ConfigurationFile.read(path, bytesMax: Self.bytesMax))
    } catch {
      hasher.combine(error.text)
    }
    hash = hasher.finalize()
  }
}

extension DaemonSettings {
  /// A mark of each file that the upstreams read when they are made, by the key that names it.
  var fileMarks: [String: FileMark] {
    var marks: [String: FileMark] = [:]
    for (index, route) in routes.enumerated() {
      for setting in SettingsTable.routes.settings {
        guard let path = setting.file(route) else { continue }
        marks["routes[\(index)].\(setting.key)"] = FileMark(of: path)
      }
    }
    return marks
  }
}
