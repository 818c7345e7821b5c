import Testing

@testable import ForebayConfig

struct AdminAccessTests {
  private func level(
    _ yaml: String, user: UInt32, group: UInt32 = 9999, isDaemonUser: Bool = false
  ) throws -> AdminAccess.Level? {
    try loaded(yaml).settings.admin.level(user: user, group: group, isDaemonUser: isDaemonUser)
  }

  @Test func byDefaultWhoeverCanOpenItLooks() throws {
    #expect(try level("", user: 0) == .admin)
    #expect(try level("", user: 1000, isDaemonUser: true) == .admin)
    #expect(try level("", user: 1000) == .view)
  }

  private static let named = """
    admin:
      view:
        gids: [50]
      operate:
        uids: [1001]
        gids: [60]
      administrate:
        uids: [1002]

    """

  @Test func theHighestThatNamesSomebodyCounts() throws {
    #expect(try level(Self.named, user: 1000) == nil)
    #expect(try level(Self.named, user: 1000, group: 50) == .view)
    #expect(try level(Self.named, user: 1000, group: 60) == .operate)
    #expect(try level(Self.named, user: 1001, group: 50) == .operate)
    #expect(try level(Self.named, user: 1002) == .admin)
    #expect(try level(Self.named, user: 0) == .admin)
  }

  @Test func theSocketsLevelCapsEverybodys() throws {
    let capped = Self.named + "  level: operate\n"
    #expect(try level(capped, user: 0) == .operate)
    #expect(try level(capped, user: 1002) == .operate)
    #expect(try level(capped, user: 1000, group: 50) == .view)
    #expect(try level(capped, user: 1000) == nil)
  }
}
