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
        .nothing, .show("lifecycle: running"), .end(.success),
      ])
  }

  @Test func withoutABodyTheStatusTextIsTheAnswer() {
    #expect(read("+OK pong", "") == [.nothing, .endShowing("pong", .success)])
  }

  @Test func anErrorSaysItsCodeAndText() {
    #expect(
      read("-ERR NOT_READY draining", "") == [
        .nothing, .fail("NOT_READY: draining", .bad),
      ])
    #expect(read("-ERR PERMISSION", "") == [.nothing, .fail("PERMISSION", .noPermission)])
  }

  @Test func codesBecomeSysexits() {
    for (code, status) in [
      ("UNKNOWN_COMMAND", 64), ("BAD_VALUE", 65), ("UNAVAILABLE", 69), ("INTERNAL", 70),
      ("TIMEOUT", 75), ("CANCELLED", 75), ("PERMISSION", 77), ("CONFIG", 78), ("NOT_READY", 1),
      ("WHATEVER", 1),
    ] {
      #expect(ExitStatus(adminCode: code).rawValue == Int32(status))
    }
  }

  @Test func anythingElseIsNotTheAdminProtocol() {
    #expect(read("HTTP/1.1 400 Bad Request") == [.broken])
    #expect(read("") == [.broken])
  }

  @Test func aWordThatIsNotOursGoesToTheDaemon() {
    #expect(Program.withAdminNamed(["ping"]) == ["admin", "ping"])
    #expect(Program.withAdminNamed(["-s", "x", "ping"]) == ["admin", "-s", "x", "ping"])
    #expect(Program.withAdminNamed(["help"]) == ["admin", "help"])
    for ours in [
      [], ["send", "x"], ["journal", "cat"], ["admin", "ping"], ["--help"], ["--version"],
      ["help", "send"],
    ] {
      #expect(Program.withAdminNamed(ours) == ours)
    }
  }
}
