import ForebayConfig
import ForebayCore
import ForebayUV
import Glibc

/// The admin socket: who may come in, and the clock of those that are in.
final class AdminServer {
  /// Sessions at once: operators and probes, no more. They don't count as clients.
  static let sessionsMax = 10
  /// How often waits and idle sessions are looked at, while there is any session.
  private static let tickMilliseconds: UInt64 = 200

  private unowned let daemon: Daemon
  private let listener: UnixListener
  private var ticker: Timer?
  /// Fires in the next turn: more work is left than one turn may take.
  private var nextTurn: Timer?
  private var sessions: [AdminSession] = []
  var counts = AdminCounts()

  init(_ settings: AdminAccess, on loop: Loop, _ daemon: Daemon) throws {
    self.daemon = daemon
    listener = try UnixListener(
      on: loop, path: settings.path, mode: settings.mode.bits, group: settings.group)
    ticker = try Timer(on: loop) { [unowned self] in ticked() }
    nextTurn = try Timer(on: loop) { [unowned self] in goOnWithOne() }
    try listener.accept { [unowned self] arrival in
      if case .success(let (stream, credentials)) = arrival { accepted(stream, credentials) }
    }
  }

  private func accepted(_ stream: StreamHandle, _ credentials: PeerCredentials) {
    guard sessions.count < Self.sessionsMax else {
      return turnAway(stream, AdminError(.unavailable, "\(Self.sessionsMax) sessions are open"))
    }
    let level = daemon.settings.admin.level(
      user: credentials.user, group: credentials.group, isDaemonUser: credentials.user == getuid())
    guard let level else {
      return turnAway(stream, AdminError(.permission, "user \(credentials.user) has no level here"))
    }
    let session = AdminSession(stream, level: level, credentials, daemon, self)
    if sessions.isEmpty { ticker?.fire(everyMilliseconds: Self.tickMilliseconds) }
    sessions.append(session)
    session.start()
  }

  private func turnAway(_ stream: StreamHandle, _ error: AdminError) {
    counts.turnedAway += 1
    Refusal.send(Array(error.line.utf8), on: stream, daemon)
  }

  func ended(_ session: AdminSession) {
    sessions.removeAll { $0 === session }
    if sessions.isEmpty { ticker?.cancel() }
  }

  var sessionCount: Int { sessions.count }

  /// More is to be done for a session than its turn allowed.
  func goOnNextTurn() { nextTurn?.fire(at: Loop.now) }

  /// A piece for one session a turn: who was served last comes last.
  private func goOnWithOne() {
    for _ in sessions {
      let session = sessions.removeFirst()
      sessions.append(session)
      guard session.canGoOn else { continue }
      session.goOn()
      break
    }
    if sessions.contains(where: \.canGoOn) { goOnNextTurn() }
  }

  /// At the end of a turn, and after each command: what was waited for may have happened.
  func checkWaits() {
    for session in sessions where session.isWaiting { session.checkWait() }
  }

  private func ticked() {
    checkWaits()
    for session in sessions { session.checkLife() }
  }
}

/// What operators did, since the start.
struct AdminCounts {
  var commands: UInt64 = 0
  var changes: UInt64 = 0
  var failures: UInt64 = 0
  /// Commands above their session's level.
  var refusals: UInt64 = 0
  /// Sessions above the cap, and of users who may do nothing.
  var turnedAway: UInt64 = 0
}
