import ForebayWire

/// Who a client is, as the kernel or TLS says it: never as the client says it.
package struct PrincipalKey: Hashable, Sendable {
  /// The socket that it came in on.
  package var listener: UInt32
  /// The user id of a local client; for TCP the listener's word for it.
  package var user: UInt32
  package init(listener: UInt32, user: UInt32) {
    self.listener = listener
    self.user = user
  }
}

/// What one principal has of one route. Its connections, sessions and orphaned messages share it, so
/// a second connection or a reconnect gains nothing.
struct Principal: ~Copyable {
  let key: PrincipalKey
  let route: UInt32
  var classIndex: Int
  /// Credit issued to its connections and not used.
  var open = Cost.zero
  /// Messages held for its sessions, connected or not.
  var held = Cost.zero
  /// Messages of those that are with an upstream.
  var inFlight: UInt64 = 0
  var clients = 0
  var sessions = 0

  // What the current granting pass found.
  var pass: UInt64 = 0
  /// m_p: how many of its clients have demand.
  var demanding: UInt64 = 0
  /// What it is owed and hasn't got.
  var owed = Cost.zero
  /// Its clients that are shut for want of space, and what they have together.
  var short: UInt64 = 0
  var shortStanding = Cost.zero
  /// What each of those may have; nil until it is asked for.
  var shortShare: Cost?

  // Its clients that wait for space, first come first served, and its own place among principals.
  var firstWaiter = none
  var lastWaiter = none
  var isWaiting = false
  var nextWaiting = none
  var previousWaiting = none

  mutating func surveyed(_ pass: UInt64) {
    self.pass = pass
    demanding = 0
    owed = .zero
    short = 0
    shortStanding = .zero
    shortShare = nil
  }
}
