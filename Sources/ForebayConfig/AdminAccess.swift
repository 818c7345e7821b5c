package import ForebayCore

/// The operators' socket, and who may do what on it.
package struct AdminAccess: Equatable, Sendable {
  /// In a directory of its own, so that access to the clients' socket says nothing about this one.
  package var path = "/run/forebay-admin/admin.sock"
  package var mode = FileMode(0o600)
  package var group: UInt32?
  /// Nobody who comes in by the socket may do more than this.
  package var level = Level.admin
  /// A session that neither asks nor reads ends after this: there are few, and an operator may need one.
  package var idleTimeout = TimeSpan.seconds(120)
  /// Nobody named: whoever can open the socket may look.
  package var view = People()
  package var operate = People()
  /// Besides root and the daemon's own user.
  package var administrate = People()
  package init() {}

  package enum Level: String, Sendable, CaseIterable, Comparable {
    case view, operate, admin

    package static func < (a: Level, b: Level) -> Bool {
      allCases.firstIndex(of: a)! < allCases.firstIndex(of: b)!
    }
  }

  package struct People: Equatable, Sendable {
    package var users: [UInt32] = []
    package var groups: [UInt32] = []
    package init() {}
    package var isEmpty: Bool { users.isEmpty && groups.isEmpty }
    package func contains(user: UInt32, group: UInt32) -> Bool {
      users.contains(user) || groups.contains(group)
    }
  }

  /// The most that somebody may do, by user and primary group as the kernel reports them; nil for
  /// nothing.
  package func level(user: UInt32, group: UInt32, isDaemonUser: Bool) -> Level? {
    let most: Level
    if user == 0 || isDaemonUser || administrate.contains(user: user, group: group) {
      most = .admin
    } else if operate.contains(user: user, group: group) {
      most = .operate
    } else if view.isEmpty || view.contains(user: user, group: group) {
      most = .view
    } else {
      return nil
    }
    return min(most, level)
  }
}
