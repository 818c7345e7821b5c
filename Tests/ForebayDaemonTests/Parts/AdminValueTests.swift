import ForebayCore
import Testing

@testable import ForebayDaemon

struct AdminValueTests {
  private let value = AdminValue.object([
    "text": .text("a \"b\" \\ é"), "empty": .text(""), "number": .number(.max),
    "yes": .flag(true), "no": .flag(false), "time": .seconds(.milliseconds(61_005)),
    "nothing": .none,
    "list": .list([.object(["name": .text("x")]), .number(7)]),
    "none of them": .list([]), "inner": .object(["deep": .object(["est": .number(1)])]),
  ])

  @Test func isLinesOfKeysAndValues() {
    #expect(
      value.lines() == [
        "text: a \"b\" \\ é", "empty: -", "number: 18446744073709551615", "yes: yes", "no: no",
        "time: 61.005", "nothing: -", "list[0].name: x", "list[1]: 7", "inner.deep.est: 1",
      ])
    #expect(AdminValue.list([.number(1)]).lines() == ["[0]: 1"])
    #expect(AdminValue.list([]).lines() == [])
  }

  @Test func isJSON() {
    #expect(
      value.json
        == #"{"text":"a \"b\" \\ é","empty":"","number":18446744073709551615,"yes":true,"no":false,"#
        + #""time":61.005,"nothing":null,"list":[{"name":"x"},7],"none of them":[],"#
        + #""inner":{"deep":{"est":1}}}"#)
  }

  @Test func nothingInATextEndsALineOrCommandsATerminal() {
    let hostile = AdminValue.text("a\n\n+OK\u{1b}[2J\u{7f}\u{9b}1m\u{202e}")
    #expect(hostile.plain == "a\\u{a}\\u{a}+OK\\u{1b}[2J\\u{7f}\\u{9b}1m\\u{202e}")
    #expect(hostile.json == #""a\n\n+OK\u001b[2J\u007f\u009b1m\u202e""#)
  }

  @Test func fieldsAreFoundByTheirPath() {
    #expect(value.field("inner.deep.est") == .number(1))
    #expect(value.field("number") == .number(.max))
    #expect(value.field("inner.shallow") == nil)
    #expect(value.field("number.x") == nil)
  }
}
