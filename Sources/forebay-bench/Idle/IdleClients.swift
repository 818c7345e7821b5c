import ForebayCore
import Glibc

/// Clients that say hello, get their first window, and then only answer what the daemon asks: a
/// process of their own, so that whoever measures isn't kept from it.
enum IdleClients {
  /// As many clients may take so long to arrive on a busy machine.
  private static let patience = TimeSpan.seconds(60)

  /// A new client keeps the credit that it was given for 5 s, used or not, and so many take all that
  /// there is. After that they hold nothing as soon as somebody needs it.
  private static let settling = TimeSpan.milliseconds(5_500)
  private static let many = 1_000

  /// Returns when the daemon has them all, and they count as idle.
  static func start(_ count: Int, at place: RunPlace, _ children: Children) throws {
    let before = clients(at: place) ?? 0
    _ = try children.start(
      "idle clients",
      [
        pathOfThisProgram(), "load", place.socket, "--idle", "--clients", "\(count)",
        "--connect-timeout", "\(describe(patience))", "--duration", "1000m",
      ])
    let deadline = monotonicNow() + patience
    while clients(at: place) ?? 0 < before + UInt64(count) {
      try children.check()
      guard monotonicNow() < deadline else {
        throw Children.Failure(
          description: "\(count) idle clients didn't arrive in \(describe(patience))")
      }
      usleep(20_000)
    }
    if count >= many { usleep(useconds_t(settling.nanoseconds / 1_000)) }
  }

  /// How many the daemon says there are.
  static func clients(at place: RunPlace) -> UInt64? {
    AdminQuestion.askJSON("show state", at: place.admin)?["clients"]?.count
  }
}
