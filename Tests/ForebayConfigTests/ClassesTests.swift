import ForebayCore
import Testing

@testable import ForebayConfig

struct ClassesTests {
  private static let yaml = """
    sockets:
      - path: /a
      - path: /b
        class: batch
    classes:
      - name: people
        gids: [100, 7]
        weight: 4
      - name: batch
        uids: [1000]
        rate: 100/s
        burst: 7
        lanes: [0, 2]
        routes: [default]
        pool_share: 2
      - name: late
        uids: [1000, 1001]
        gids: [7]

    """

  private func find(
    _ socket: Int, user: UInt32, group: UInt32, _ yaml: String = yaml
  ) throws -> String? {
    let settings = try loaded(yaml).settings
    switch ClassFinder(settings).find(
      socketClass: settings.sockets[socket].className, user: user, group: group)
    {
    case .classIndex(let index): return settings.core.classes[index].name
    case .refused: return nil
    }
  }

  @Test func socketThenUserThenGroupThenDefault() throws {
    #expect(try find(1, user: 1, group: 100) == "batch")
    #expect(try find(1, user: 1001, group: 7) == "batch")
    #expect(try find(0, user: 1000, group: 100) == "batch")
    #expect(try find(0, user: 1001, group: 7) == "late")
    #expect(try find(0, user: 2, group: 7) == "people")
    #expect(try find(0, user: 2, group: 2) == "default")
  }

  @Test func classesReachTheCore() throws {
    let classes = try loaded(Self.yaml).settings.core.classes
    #expect(classes.map(\.name) == ["people", "batch", "late", "default"])
    #expect(classes[0].weight == 4 && classes[0].routes == nil && classes[0].lanes == 0xff)
    #expect(classes[1].lanes == 0b101 && classes[1].routes == ["default"])
    #expect(classes[1].poolShare == 2)
    #expect(classes[1].rate == RateLimit(messages: 100, per: .seconds(1), burst: 7))
  }

  @Test func theDefaultClassCanBeConfigured() throws {
    let yaml = "classes:\n  - name: default\n    weight: 3\n  - name: more\n    uids: [1]\n"
    let settings = try loaded(yaml).settings
    #expect(settings.core.classes.map(\.name) == ["default", "more"])
    #expect(settings.core.classes[0].weight == 3)
    #expect(try find(0, user: 9, group: 9, yaml) == "default")
    #expect(ClassFinder(settings).find(named: nil) == 0)
    #expect(ClassFinder(settings).find(named: "more") == 1)
  }

  /// It could be anybody, so only its own number lets it in.
  @Test func theOverflowUserIsRefusedUnlessItsClassNamesIt() throws {
    #expect(try find(0, user: 65_534, group: 100) == nil)
    #expect(try find(1, user: 65_534, group: 65_534) == nil)
    let named = "classes:\n  - name: strangers\n    uids: [65534]\n"
    #expect(try find(0, user: 65_534, group: 65_534, named) == "strangers")
    let other = "sockets:\n  - path: /a\n    class: a\nclasses:\n  - name: a\n" + named.dropFirst(9)
    #expect(try find(0, user: 65_534, group: 65_534, other) == nil)
  }
}
