import ForebayConfig
import Glibc

/// The program's variables.
enum Environment {
  static func variables(beginning prefix: String) -> [ConfigurationInputs.Text] {
    var found: [ConfigurationInputs.Text] = []
    var place = environ
    while let text = place.pointee {
      let parts = String(cString: text).split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      if parts.count == 2, parts[0].hasPrefix(prefix) {
        found.append(.init(String(parts[0]), String(parts[1])))
      }
      place += 1
    }
    return found
  }
}

enum Output {
  static func write(_ text: String) { write(text, to: STDOUT_FILENO) }
  static func complain(_ text: String) { write(text, to: STDERR_FILENO) }

  private static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
