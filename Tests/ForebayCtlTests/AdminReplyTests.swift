import Testing

@testable import forebayctl

@Suite struct AdminReplyTests {
  private func read(_ lines: String...) -> [AdminReply.OnLine] {
    var reply = AdminReply()
    return lines.map { reply.lineReceived($0) }
  }

  @Test func aBodyIsShownWithoutTheStatusText() {
    #expect(
      read("+OK state", "lifecycle: running", "") == [
        .nothing, .show("lifecycle: running"), .end(.ok("state")),
      ])
  }

  @Test func withoutABodyTheStatusTextIsTheAnswer() {
    #expect(read("+OK pong", "") == [.nothing, .end(.ok("pong"))])
  }

  @Test func anErrorSaysItsCodeAndText() {
    #expect(
      read("-ERR NOT_READY draining", "") == [
        .nothing, .end(.failed(code: "NOT_READY", text: "draining")),
      ])
    #expect(
      read("-ERR PERMISSION", "") == [.nothing, .end(.failed(code: "PERMISSION", text: ""))])
  }

  @Test func codesBecomeSysexits() {
    for (code, status) in [
      ("UNKNOWN_COMMAND", 64), ("USAGE", 64), ("LINE_TOO_LONG", 64), ("BAD_VALUE", 65),
      ("NOT_FOUND", 65), ("UNAVAILABLE", 69), ("INTERNAL", 70), ("TIMEOUT", 75),
      ("CANCELLED", 75), ("PERMISSION", 77), ("CONFIG", 78), ("NOT_READY", 1), ("WHATEVER", 1),
    ] {
      #expect(ExitStatus(adminCode: code).rawValue == Int32(status))
    }
  }

  @Test func anythingElseIsNotTheAdminProtocol() {
    #expect(read("HTTP/1.1 400 Bad Request") == [.broken])
    #expect(read("") == [.broken])
    #expect(read("+OK", "", "more").last == .broken)
  }
}
