import Testing

@testable import ForebayDaemon

struct AdminValueTests {
  private let value = AdminValue.object([
    ("text", .text("a \"b\" \\ \u{1}é")), ("empty", .text("")), ("number", .number(.max)),
    ("yes", .flag(true)), ("no", .flag(false)),
    ("list", .list([.object([("name", .text("x"))]), .number(7)])),
    ("nothing", .list([])), ("inner", .object([("deep", .object([("est", .number(1))]))])),
  ])

  @Test func isLinesOfKeysAndValues() {
    #expect(
      value.lines() == [
        "text: a \"b\" \\ \u{1}é", "empty: -", "number: 18446744073709551615", "yes: yes", "no: no",
        "list[0].name: x", "list[1]: 7", "inner.deep.est: 1",
      ])
    #expect(AdminValue.list([.number(1)]).lines() == ["[0]: 1"])
    #expect(AdminValue.list([]).lines() == [])
  }

  @Test func isJSON() {
    #expect(
      value.json
        == #"{"text":"a \"b\" \\ \u0001é","empty":"","number":18446744073709551615,"yes":true,"#
        + #""no":false,"list":[{"name":"x"},7],"nothing":[],"inner":{"deep":{"est":1}}}"#)
  }
}
