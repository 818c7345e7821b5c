import Testing

@testable import ForebayUpstreams

@Suite struct JSONTreeTests {
  @Test func aTreeIsRead() {
    let json = JSONTree(Array(#" {"a":[1,-2.5,null],"b":{"c":"x\"\u00e9\n"},"d":true} "#.utf8))
    #expect(json?["a"]?.list == [.number(1), .number(-2.5), .null])
    #expect(json?["b"]?["c"]?.text == "x\"é\n")
    #expect(json?["d"]?.isTrue == true)
    #expect(json?["a"]?.list.first?.integer == 1)
    #expect(json?["x"] == nil)
  }

  @Test(arguments: ["", "{", "[1", "{\"a\"}", "{\"a\":1,}x", "\"a", "nul", "1 2", "[1 2]"])
  func whatIsNoneIsNot(_ text: String) { #expect(JSONTree(Array(text.utf8)) == nil) }

  @Test func depthIsBounded() {
    #expect(JSONTree(Array(repeating: UInt8(ascii: "["), count: 100_000)) == nil)
  }
}
