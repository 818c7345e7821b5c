import Testing

@testable import ForebayUpstreams

@Suite struct JSONScanTests {
  private func isValue(_ text: String) -> Bool { isValue(Array(text.utf8)) }
  private func isValue(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { JSONScan.isValue($0) } }

  @Test(arguments: [
    "null", " true ", "false", "0", "-0", "12.5e-3", "1E+9", "\"\"", "\"ä €\u{1F600} \\u00e4\\n\"",
    "[]", "[ 1 , [2,{}] ]", "{}", "{ \"a\" : {\"b\":[null]} , \"c\":\"d\" }", "\n\t1\r",
  ])
  func whatIsOneValue(_ text: String) { #expect(isValue(text)) }

  @Test(arguments: [
    "", " ", "nul", "True", "01", "+1", "1.", ".5", "1e", "-", "\"", "\"a", "\"\\x\"",
    "\"\\u12g4\"",
    "\"\n\"", "[", "[1", "[1,]", "[,1]", "[1 2]", "{", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}",
    "1 2", "1,2", "[]]", "{}}", "nullnull", "'a'", "NaN", "\u{feff}1",
  ])
  func whatIsNone(_ text: String) { #expect(!isValue(text)) }

  @Test(
    arguments: [
      [0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xe0, 0x80, 0x80, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22], [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xc3],
      [0x22, 0x00, 0x22],
    ] as [[UInt8]])
  func textsThatAreNoUTF8(_ bytes: [UInt8]) { #expect(!isValue(bytes)) }

  @Test func depthIsBounded() {
    let fine = JSONScan.depthMax
    #expect(isValue(String(repeating: "[", count: fine) + String(repeating: "]", count: fine)))
    let deep = 1_000_000
    #expect(
      !isValue(String(repeating: "[", count: fine + 1) + String(repeating: "]", count: fine + 1)))
    #expect(!isValue(String(repeating: "[", count: deep)))
    #expect(!isValue(String(repeating: "{\"a\":", count: deep)))
  }
}
