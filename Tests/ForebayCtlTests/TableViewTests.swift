import Testing

@testable import forebayctl

@Suite struct TableViewTests {
  private let rows = JSONText(
    parsing: """
      [{"id":"1.2","name":"","held":{"messages":5,"bytes":70000},"shut":true,"none":null},
      {"id":"10.3","name":"","held":{"messages":12345,"bytes":9},"shut":false,"none":null}]
      """)!

  @Test func aListIsATableOfWhatRowsSay() {
    var view = TableView(columns: [])
    #expect(
      view.draw(rows) == """
        ID    HELD.MESSAGES  HELD.BYTES  SHUT
        1.2               5    68.4 KiB  yes
        10.3          12345         9 B  no

        """)
    view.hasHeader = false
    #expect(view.draw(rows).hasPrefix("1.2 "))
    #expect(TableView(columns: []).draw(.list([])) == "none\n")
  }

  @Test func theDaemonsColumnsComeFirstAndAsManyAsFit() {
    var view = TableView(columns: ["shut", "held=held.messages", "id", "held.bytes"])
    view.width = 17
    #expect(
      view.draw(rows) == """
        SHUT   HELD  ID
        yes       5  1.2
        no    12345  10.3
        (columns left out: 1, see -o wide)

        """)
    view.columns = ["id", "text"]
    view.width = 24
    let wordy = JSONText(parsing: #"[{"id":1,"text":"as much as fits and no more"}]"#)!
    #expect(view.draw(wordy) == "ID  TEXT\n 1  as much as fits and…\n")
    view.columns = ["shut"]
    view.isWide = true
    #expect(view.draw(rows).hasPrefix("ID    NAME  HELD.MESSAGES"))
    view.isWide = false
    view.width = 1
    #expect(view.draw(rows).hasPrefix("SHUT\nyes\n"), "the first one is always there")
  }

  @Test func anObjectIsNamesAndValues() {
    let object = JSONText(parsing: #"{"a":1,"long":{"b_bytes":2048,"list":[{"x":"y"}]},"e":{}}"#)!
    #expect(
      TableView(columns: []).draw(object) == """
        a               1
        long.b_bytes    2.0 KiB
        long.list[0].x  y
        e               -

        """)
  }

  @Test func nothingInACellCommandsTheTerminal() {
    let hostile = JSONText(parsing: #"[{"name":"\u001b[2Jx\u009b1m\n"}]"#)!
    #expect(TableView(columns: []).draw(hostile) == "NAME\n?[2Jx?1m?\n")
  }

  @Test func colourIsForTerminals() {
    let state = JSONText(parsing: #"{"breaker":"open","state":"open"}"#)!
    var view = TableView(columns: [])
    #expect(!view.draw(state).contains("\u{1b}"))
    view.hasColor = true
    #expect(view.draw(state).contains("\u{1b}[31mopen\u{1b}[0m\n"))
    #expect(view.draw(state).hasSuffix("  open\n"), "an open link is well")
  }

  @Test func quantitiesAreForPeople() {
    #expect(HumanText.quantity("67108864", "capacity.bytes") == "64.0 MiB")
    #expect(HumanText.quantity("1023", "x_bytes") == "1023 B")
    #expect(HumanText.quantity("0.004", "since_seconds") == "4ms")
    #expect(HumanText.quantity("59.94", "since_seconds") == "59.9s")
    #expect(HumanText.quantity("3661", "since_seconds") == "1h01m")
    #expect(HumanText.quantity("90061000", "idle_ms") == "1d01h")
    #expect(HumanText.quantity("12", "held.messages") == "12")
  }
}

@Suite struct JSONParsingTests {
  @Test(arguments: [
    #"{"a":[1,-2.5,"x\"\\é",true,false,null],"b":{}}"#, "[]", #""""#, "0",
  ])
  func readsWhatItWrites(text: String) {
    #expect(JSONText(parsing: text)?.text == text)
  }

  @Test func readsEscapesAndBlanks() {
    #expect(JSONText(parsing: " [ \"\\u0041\\n\\/\" ,\n1 ] ")?.text == #"["A\n/",1]"#)
  }

  @Test(arguments: [
    "", "{", "[1,]", "{\"a\"}", "{\"a\":}", "[1 2]", "nul", "\"x", "\"\\u12\"", "1 2", "--",
    String(repeating: "[", count: 1000),
  ])
  func anythingElseIsNothing(text: String) {
    #expect(JSONText(parsing: text) == nil)
  }
}
