/// What somebody wrote, fit for a line of a message: in quotes, without control characters, and cut.
package enum Quoted {
  private static let charactersMax = 60

  package static func text(_ text: String) -> String {
    let shown = text.unicodeScalars.prefix(charactersMax)
    let isCut = text.unicodeScalars.count > charactersMax
    return "'\(plain(String(shown)))\(isCut ? "…" : "")'"
  }

  /// Any text as a part of one line: nothing in it ends the line, or is obeyed by a terminal.
  package static func plain(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var plain = ""
    for scalar in text.unicodeScalars {
      if isControl(scalar) {
        plain += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        plain.unicodeScalars.append(scalar)
      }
    }
    return plain
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: true
    default: false
    }
  }
}
