import Testing

@testable import ForebayUpstreams

/// What a server says, in pieces of any size.
@Suite struct NATSReaderTests {
  private func tokens(_ text: String) -> [String] {
    Array(text.utf8).withUnsafeBytes { bytes in
      var found: [String] = []
      var place = 0
      while true {
        switch NATSReader.read(bytes, at: place) {
        case .partial: return found + (place < bytes.count ? ["…"] : [])
        case .garbage(let what): return found + ["? \(what)"]
        case .token(let token, let next):
          found.append(shown(token, bytes))
          place = next
        }
      }
    }
  }

  private func shown(_ token: NATSReader.Token, _ bytes: UnsafeRawBufferPointer) -> String {
    func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
    switch token {
    case .info(let range): return "info " + text(range)
    case .message(let subject, let header, let payload):
      return "\(text(subject)): \(text(header))|\(text(payload))"
    case .ping: return "ping"
    case .pong: return "pong"
    case .ok: return "ok"
    case .error(let range): return "error " + text(range)
    }
  }

  @Test(arguments: [
    ("INFO {\"a\":1} \r\nPING\r\nPONG \r\n+OK\r\n", ["info {\"a\":1} ", "ping", "pong", "ok"]),
    ("MSG a.b 1 3\r\nxyz\r\n", ["a.b: |xyz"]), ("MSG a 1 other 0\r\n\r\nPING\n", ["a: |", "ping"]),
    ("MSG  a\t1  2\r\n\r\n\r\n", ["a: |\r\n"]),
    ("HMSG a 1 16 18\r\nNATS/1.0 503\r\n\r\nhi\r\n", ["a: NATS/1.0 503\r\n\r\n|hi"]),
    ("HMSG a 1 r 2 2\r\nxy\r\n", ["a: xy|"]),
    ("-ERR 'Authorization Violation'\r\n", ["error Authorization Violation"]),
    ("-ERR\r\n", ["error "]), ("MSG a 1 3\r\nxy", ["…"]), ("MSG a 1", ["…"]), ("", []),
  ])
  func whatIsSaidIsRead(_ text: String, _ expected: [String]) {
    #expect(tokens(text) == expected)
  }

  @Test(arguments: [
    "HTTP/1.1 400 Bad Request\r\n", "SSH-2.0\r\n", "MSG a 1\r\n", "MSG a 1 b 3 4\r\nxyz\r\n",
    "MSG a 1 -3\r\n", "MSG a 1 9999999999\r\n", "MSG a 1 2000000\r\n", "HMSG a 1 4 3\r\nxyz\r\n",
    "HMSG a 1 3\r\nxyz\r\n", "MSG a 1 2\r\nxyz\r\n", "PINGS\r\n", "MESSAGE\r\n", "\r\n",
    "info {}\r\n",
    "+NO\r\n", "-NO\r\n",
  ])
  func garbageIsToldFromThat(_ text: String) {
    #expect(tokens(text).last?.hasPrefix("?") == true, "\(tokens(text))")
  }

  @Test func aLineWithoutAnEndIsGarbage() {
    let long = "INFO " + String(repeating: "x", count: 70_000)
    #expect(tokens(long) == ["? a line without an end"])
    #expect(tokens(long + "\r\n") == ["? a line without an end"])
  }

  @Test func wherePiecesEndDoesNotMatter() {
    let text = "INFO {}\r\nMSG a 1 5\r\nhello\r\nHMSG a 1 2 4\r\nABcd\r\n-ERR 'no'\r\nPING\r\n"
    let whole = tokens(text)
    for cut in 0..<text.utf8.count {
      let first = tokens(String(decoding: Array(text.utf8)[..<cut], as: UTF8.self))
      let known = first.filter { $0 != "…" }
      #expect(Array(whole.prefix(known.count)) == known, "cut at \(cut)")
    }
  }
}

/// What is answered to messages.
@Suite struct NATSAckTests {
  private func ack(_ payload: String, header: String = "") -> String {
    let bytes = Array((header + payload).utf8)
    return bytes.withUnsafeBytes { bytes in
      let border = header.utf8.count
      func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
      switch NATSAck.read(bytes, header: 0..<border, payload: border..<bytes.count) {
      case .taken(let isDuplicate): return isDuplicate ? "duplicate" : "taken"
      case .refused(let code, let range): return "\(code) \(text(range))"
      case .status(let code, let range): return "status \(code) \(text(range))"
      case .other: return "other"
      }
    }
  }

  @Test(arguments: [
    (#"{"stream":"S", "seq":7}"#, "taken"),
    (#"{"stream":"S", "seq":7,"duplicate": true}"#, "duplicate"),
    (#"{"stream":"S","domain":"hub","seq":7,"duplicate":false,"val":"{\"}"}"#, "taken"),
    (
      #"{"error":{"code":503,"err_code":10077,"description":"full"},"stream":"S","seq":0}"#,
      "10077 full"
    ),
    (#"{"error":{"code":500,"description":"what","more":[1,{"a":"]"}]},"stream":"S"}"#, "0 what"),
    (#"{"a":[{"b":{}},[],"x"],"seq":1}"#, "taken"),
    (#"{"stream":"S"}"#, "other"), ("hello", "other"), ("", "other"), ("{", "other"),
    (#"{"seq":"#, "other"), (#"{"seq":1"#, "other"), (#"{"seq" 1}"#, "other"),
    (#"{"a":}}"#, "other"),
    (#"{"error":"x"}"#, "other"), (#"{"a":"\"#, "other"),
  ])
  func answersAreRead(_ payload: String, _ expected: String) {
    #expect(ack(payload) == expected)
  }

  @Test func aStatusIsRead() {
    #expect(ack("", header: "NATS/1.0 503\r\n\r\n") == "status 503 ")
    #expect(ack("", header: "NATS/1.0 408 Request Timeout\r\n\r\n") == "status 408 Request Timeout")
    #expect(ack(#"{"seq":1}"#, header: "NATS/1.0\r\nA: b\r\n\r\n") == "taken")
    #expect(ack(#"{"seq":1}"#, header: "NATS/1.0") == "taken")
  }
}
