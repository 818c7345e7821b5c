import ForebayConfig
import Testing

@testable import ForebayDaemon

struct AdminCommandTests {
  private func find(_ line: String) -> AdminCommand? {
    AdminLine.commands(line).first.flatMap(AdminCommand.find)
  }

  @Test func isFoundByTheLongestBeginning() throws {
    #expect(find("ping")?.name == "ping")
    #expect(find("  show\t state ")?.name == "show state")
    #expect(find("show client 3.4")?.name == "show client")
    #expect(find("show clients where uid=3")?.name == "show clients")
    for line in ["show", "show stat", "PING", "json", "kill", "shut down"] {
      #expect(find(line) == nil, "\(line)")
    }
  }

  @Test func aLineIsCutIntoCommandsAndWords() {
    #expect(AdminLine.commands("") == [])
    #expect(AdminLine.commands(" ;;\t; ") == [])
    #expect(AdminLine.commands("a b;c") == [["a", "b"], ["c"]])
    #expect(AdminLine.commands("a\\ b \\;c\\\\; d") == [["a b", ";c\\"], ["d"]])
    #expect(AdminLine.commands("end\\") == [["end"]])
  }

  /// A row without a thought for who may use it is how such tables go wrong.
  @Test func onlyLooksUnlessItSaysOtherwise() {
    let looking = AdminCommand.table.filter { $0.level == .view }.map(\.name)
    #expect(
      looking.allSatisfy { $0.hasPrefix("show ") || Self.harmless.contains($0) }, "\(looking)")
    let all = AdminCommand.table.filter { $0.level == .admin }.map(\.name)
    #expect(Set(all).isSubset(of: ["shutdown", "reload", "validate"]))
  }
  private static let harmless: Set = [
    "help", "ping", "ready", "version", "level", "prompt", "quit", "wait",
  ]

  @Test func eachRowIsNamedOnceAndExplained() {
    #expect(Set(AdminCommand.table.map(\.words)).count == AdminCommand.table.count)
    for command in AdminCommand.table {
      #expect(!command.summary.isEmpty && !command.summary.hasSuffix("."), "\(command.name)")
      #expect(!command.usage.contains("json"), "json is the last word of any command")
    }
  }
}
