import Testing

@testable import ForebayDaemon

struct AdminCommandTests {
  @Test func isFoundByItsWords() throws {
    #expect(AdminCommand.find("ping")?.command.words == ["ping"])
    #expect(AdminCommand.find("  show\t state ")?.command.words == ["show", "state"])
    #expect(AdminCommand.find("show state json")?.wantsJSON == true)
    #expect(AdminCommand.find("show state")?.wantsJSON == false)
    for line in ["", "json", "show", "show state now", "PING", "ping ping"] {
      #expect(AdminCommand.find(line) == nil, "\(line)")
    }
  }

  /// A row without a thought for who may use it is how such tables go wrong.
  @Test func onlyLooksUnlessItSaysOtherwise() {
    let changing = AdminCommand.table.filter { $0.level > .view }.map(\.words)
    #expect(changing == [["shutdown"]])
    #expect(Set(AdminCommand.table.map(\.words)).count == AdminCommand.table.count)
    #expect(AdminCommand.table.allSatisfy { !$0.summary.isEmpty })
  }
}
