import Testing

@testable import ForebayDaemon

struct LogfmtHandlerTests {
  @Test(arguments: [
    ("plain", "plain"), ("/run/a.sock", "/run/a.sock"), ("", "\"\""),
    ("two words", "\"two words\""),
    ("a=b", "\"a=b\""), ("say \"hi\"", #""say \"hi\"""#), ("back\\slash", "back\\slash"),
    ("back\\slash and", #""back\\slash and""#), ("line\nline", #""line\nline""#),
    ("\u{1b}[31m", #""\u001b[31m""#), ("\u{7f}", #""\u007f""#), ("é", "\"é\""),
  ])
  func quotesWhatCouldEndAValue(_ text: String, _ written: String) {
    #expect(LogfmtHandler.quoted(text) == written)
    #expect(logFields("key=\(written)")?["key"] == text, "and it can be read back")
  }
}
