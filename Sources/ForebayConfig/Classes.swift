package import ForebayCore

/// A class as it is configured: who is in it, and what they get.
package struct ClassRule: Equatable, Sendable {
  /// All but the rate, which `rate` has as it was written.
  package var settings = ClassSettings(name: ClassRule.everybodyElse)
  package var users: [UInt32] = []
  package var groups: [UInt32] = []
  package var rate = Rate()
  package init() {}

  /// The class of those whom no other takes.
  package static let everybodyElse = "default"
}

extension ClassRule {
  /// Lanes by number; the core has a bit for each.
  package var lanes: [UInt8] {
    get { (0..<8).filter { settings.lanes & (1 << $0) != 0 } }
    set { settings.lanes = newValue.reduce(0) { $0 | 1 << $1 } }
  }

  package var core: ClassSettings {
    var core = settings
    core.rate = rate.limit
    return core
  }
}

extension DaemonSettings {
  /// The classes in their order, and behind them the one for everybody else, unless it is among them.
  package var allClasses: [ClassRule] {
    classes.contains { $0.settings.name == ClassRule.everybodyElse }
      ? classes : classes + [ClassRule()]
  }

  package func classIndex(named name: String) -> Int? {
    allClasses.firstIndex { $0.settings.name == name }
  }
}

/// Finds a client's class: by its socket, else by its user, else by its group, else `default`. Within
/// each of these the first class in the file wins.
package struct ClassFinder: Equatable, Sendable {
  private let classes: [ClassRule]
  private let fallback: Int

  package init(_ settings: DaemonSettings) {
    classes = settings.allClasses
    fallback = settings.classIndex(named: ClassRule.everybodyElse) ?? 0
  }

  package enum Found: Equatable, Sendable {
    case classIndex(Int)
    /// The user that the kernel puts in place of those it can't name could be anybody, so it is
    /// refused unless its class names it.
    case refused
  }

  /// The user of whom the kernel only knows that it is of another user namespace.
  package static let overflowUser: UInt32 = 65_534

  package func find(socketClass: String?, user: UInt32, group: UInt32) -> Found {
    let index =
      socketClass.flatMap { name in classes.firstIndex { $0.settings.name == name } }
      ?? classes.firstIndex { $0.users.contains(user) }
      ?? classes.firstIndex { $0.groups.contains(group) } ?? fallback
    if user == Self.overflowUser, !classes[index].users.contains(user) { return .refused }
    return .classIndex(index)
  }

  /// Peers by TCP have no user that the kernel knows.
  package func find(named name: String?) -> Int {
    name.flatMap { name in classes.firstIndex { $0.settings.name == name } } ?? fallback
  }
}
