/// Strings as JSON writes them: the one place where every program of ours quotes.
///
/// Beyond what RFC 8259 demands, it escapes whatever a terminal would obey (C1 controls), would turn
/// the direction of a line, or would end one for somebody (U+2028 and U+2029, to JavaScript). So
/// what a client chose to call itself can be printed anywhere, one value a line.
package enum JSONString {
  /// `text` in its quotes.
  package static func quoted(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isEscaped) else { return "\"\(text)\"" }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      if isEscaped(scalar) {
        quoted += escape(scalar)
      } else {
        quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }

  /// Bytes in their quotes; nil if they aren't UTF-8, which no JSON string can hold. Nothing is
  /// replaced: two keys that differ must not come out equal.
  package static func quoted(utf8 bytes: some Collection<UInt8>) -> String? {
    String(validating: bytes, as: UTF8.self).map { quoted($0) }
  }

  private static func isEscaped(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x22, 0x5c, 0..<0x20, 0x7f..<0xa0: true
    case 0x20..<0x7f, 0xa0..<0x61c: false
    // Every one of these lies below U+10000, where one escape of four digits is enough.
    default: scalar.value == 0x2028 || scalar.value == 0x2029 || scalar.properties.isBidiControl
    }
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\"": return "\\\""
    case "\\": return "\\\\"
    case "\n": return "\\n"
    case "\r": return "\\r"
    case "\t": return "\\t"
    default:
      let digits = String(scalar.value, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
  }
}
