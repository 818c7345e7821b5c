import Testing

@testable import ForebayUpstreams

/// What a server answers, in pieces of any size.
@Suite struct RESPReaderTests {
  /// The tokens of a text, with their contents.
  private func tokens(_ text: String) -> [String] {
    Array(text.utf8).withUnsafeBytes { bytes in
      var found: [String] = []
      var place = 0
      while true {
        switch RESPReader.read(bytes, at: place) {
        case .partial: return found + (place < bytes.count ? ["…"] : [])
        case .garbage(let what): return found + ["? \(what)"]
        case .token(let token, let next):
          found.append(shown(token, bytes))
          place = next
        }
      }
    }
  }

  private func shown(_ token: RESPReader.Token, _ bytes: UnsafeRawBufferPointer) -> String {
    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
    switch token {
    case .simple(let range): return "+" + text(range)
    case .error(let range): return "-" + text(range)
    case .integer(let number): return ":\(number)"
    case .bulk(let range): return "$" + text(range)
    case .array(let count): return "*" + (count.map { "\($0)" } ?? "null")
    case .null: return "null"
    }
  }

  @Test(arguments: [
    ("+OK\r\n", ["+OK"]), ("-OOM no\r\n+QUEUED\r\n", ["-OOM no", "+QUEUED"]),
    (":-42\r\n:9223372036854775807\r\n", [":-42", ":9223372036854775807"]),
    ("$3\r\na\r\n\r\n", ["$a\r\n"]), ("$3\r\nabc\r\n$-1\r\n$0\r\n\r\n", ["$abc", "null", "$"]),
    ("*2\r\n$1\r\na\r\n-ERR x\r\n*-1\r\n*0\r\n", ["*2", "$a", "-ERR x", "*null", "*0"]),
    ("+OK\r", ["…"]), ("$3\r\nab", ["…"]), ("$3\r\nabc\r", ["…"]), ("", []),
  ])
  func answersAreRead(_ text: String, _ expected: [String]) {
    #expect(tokens(text) == expected)
  }

  @Test(arguments: [
    "HTTP/1.1 400 Bad Request\r\n", ":12x\r\n", ":\r\n", "$-2\r\n", "$99999999999\r\n",
    "*99999999\r\n", "$2\r\nabcd", ":99999999999999999999\r\n", "\r\n",
  ])
  func garbageIsToldFromAnswers(_ text: String) {
    #expect(tokens(text).last?.hasPrefix("?") == true, "\(tokens(text))")
  }

  @Test func aLineWithoutAnEndIsGarbage() {
    #expect(tokens("+" + String(repeating: "x", count: 70_000)) == ["? a line without an end"])
  }

  @Test func wherePiecesEndDoesNotMatter() {
    let text = "+OK\r\n*2\r\n$5\r\nhello\r\n:7\r\n-ERR no\r\n"
    let whole = tokens(text)
    for cut in 0..<text.utf8.count {
      let first = tokens(String(decoding: Array(text.utf8)[..<cut], as: UTF8.self))
      let known = first.filter { $0 != "…" }
      #expect(Array(whole.prefix(known.count)) == known, "cut at \(cut)")
    }
  }
}
