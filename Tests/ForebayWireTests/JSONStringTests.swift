import ForebayWire
import Testing

struct JSONStringTests {
  @Test(arguments: [
    ("", #""""#),
    ("plain é 漢 🙂", #""plain é 漢 🙂""#),
    ("a \"b\" \\ /", #""a \"b\" \\ /""#),
    ("\n\r\t", #""\n\r\t""#),
    ("\0\u{1}\u{8}\u{b}\u{c}\u{1b}[2J\u{1f}", #""\u0000\u0001\u0008\u000b\u000c\u001b[2J\u001f""#),
    ("\u{7f}\u{80}\u{85}\u{9b}\u{9f}\u{a0}", "\"\\u007f\\u0080\\u0085\\u009b\\u009f\u{a0}\""),
    // Line ends to JavaScript, and marks that turn the direction.
    ("a\u{2027}\u{2028}\u{2029}", "\"a\u{2027}\\u2028\\u2029\""),
    ("\u{61c}\u{200e}\u{202a}\u{202e}\u{2066}\u{2069}", #""\u061c\u200e\u202a\u202e\u2066\u2069""#),
    // A letter and the mark on it stay two scalars; the byte order mark and a flag are as they were.
    ("e\u{301}\u{feff}🇩🇪\r\n", "\"e\u{301}\u{feff}🇩🇪\\r\\n\""),
    ("\u{10ffff}\u{fffd}", "\"\u{10ffff}\u{fffd}\""),
  ])
  func isQuoted(_ text: String, _ quoted: String) {
    #expect(Array(JSONString.quoted(text).utf8) == Array(quoted.utf8))
    #expect(JSONString.quoted(utf8: Array(text.utf8)).map { Array($0.utf8) } == Array(quoted.utf8))
  }

  /// Cut short, a lone continuation, too long a form, half a surrogate pair, beyond the last scalar.
  @Test(arguments: [
    [0xc3], [0x61, 0x80], [0xc0, 0xaf], [0xe0, 0x80, 0xaf], [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80], [0xff], [0x61, 0xf0, 0x9f, 0x99],
  ])
  func whatIsNotUTF8IsRefusedNotReplaced(_ bytes: [UInt8]) {
    #expect(JSONString.quoted(utf8: bytes) == nil)
  }

  @Test func everyControlCharacterIsEscaped() {
    for value in (0..<0x20).map({ $0 }) + Array(0x7f..<0xa0) {
      let scalar = Unicode.Scalar(UInt8(value))
      let quoted = JSONString.quoted(String(Character(scalar)))
      #expect(
        quoted.utf8.allSatisfy { (0x20..<0x7f).contains($0) }, "U+\(String(value, radix: 16))")
    }
  }
}
