import Testing

@testable import forebayctl

@Suite struct AdminArgumentsTests {
  private func read(_ words: String...) throws -> AdminArguments { try AdminArguments(words) }

  @Test func aWordThatIsNotOursGoesToTheDaemon() {
    #expect(Program.wordsForDaemon(["ping"]) == ["ping"])
    #expect(Program.wordsForDaemon(["-s", "x", "ping"]) == ["-s", "x", "ping"])
    #expect(Program.wordsForDaemon(["help"]) == ["help"])
    #expect(Program.wordsForDaemon(["help", "pause"]) == ["help", "pause"])
    #expect(Program.wordsForDaemon(["admin", "ping"]) == ["ping"])
    for ours in [
      [], ["send", "x"], ["journal", "cat"], ["--help"], ["--version"], ["help", "send"],
    ] {
      #expect(Program.wordsForDaemon(ours) == nil)
    }
  }

  @Test func optionsStandAnywhere() throws {
    let asked = try read("-s", "/x", "show", "-o", "json", "clients", "--timeout=2s", "--watch")
    #expect(asked.socket == "/x" && asked.form == .json && asked.timeout == .seconds(2))
    #expect(asked.watch == .seconds(1) && asked.words == ["show", "clients"])
    #expect(try read("--watch=200ms", "--no-header", "ping").watch == .milliseconds(200))
    #expect(try read("--", "-s", "x").words == ["-s", "x"])
    #expect(try read("show", "clients", "sort", "-held.messages").words.last == "-held.messages")
  }

  @Test func aLineIsEscapedForTheDaemon() throws {
    #expect(try read("pause", "my route;x\\").line == "pause my\\ route\\;x\\\\")
  }

  @Test func patienceFollowsTheCommandsOwnTime() throws {
    #expect(try read("pause", "all").patience == .seconds(35))
    #expect(try read("pause", "all", "2m").patience == .seconds(125))
    #expect(try read("wait", "drained", "90").patience == .seconds(95))
  }

  @Test func whatCanNotBeIsRefused() {
    for words in [
      [], ["-s"], ["--timeout", "ping"], ["--timeout=5", "ping"], ["-o", "xml", "ping"],
      ["ping\nping"], ["pause", ""], ["--watch=0s", "ping"],
    ] {
      #expect(throws: AdminArguments.Problem.self, "\(words)") { try AdminArguments(words) }
    }
    #expect(throws: Never.self) { try AdminArguments(["--help"]) }
  }
}
