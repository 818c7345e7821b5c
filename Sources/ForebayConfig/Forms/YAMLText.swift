import ForebayWire

/// A text as YAML: as it is where every reader takes it for a text, else in double quotes.
package enum YAMLText {
  package static func printed(_ text: String) -> String {
    isPlain(text) ? text : JSONString.quoted(text)
  }

  /// Narrower than YAML's own rule, which nobody knows by heart.
  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.utf8.first, isLetter(first) || first == UInt8(ascii: "/"),
      text.utf8.last != UInt8(ascii: ":"),
      !["true", "false", "yes", "no", "on", "off", "null", "none", "y", "n"].contains(
        text.lowercased())
    else { return false }
    return text.utf8.allSatisfy { isLetter($0) || "0123456789/._+:-".utf8.contains($0) }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }
}
