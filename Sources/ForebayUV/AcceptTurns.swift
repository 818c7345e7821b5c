internal import CUV

/// Bounds what a listener accepts in a turn and in a second, so that whoever connects in a loop holds up
/// nobody.
///
/// libuv accepts for as long as somebody waits to be accepted: two processes that connect and hang up as
/// fast as they can kept the loop there for as long as they ran. It stops when a connection isn't taken
/// from it, and goes on when it is: so one in so many is taken in the next turn, or when its time has come.
/// Meanwhile the others wait in the kernel, and whoever comes when its queue is full waits there too.
final class AcceptTurns {
  /// To accept a connection and to close it again costs some twenty microseconds.
  private static let perTurn = 8
  /// A fleet of a thousand that comes back at once is in after a quarter of a second.
  private static let burst: UInt64 = 1_024
  /// A loop of connects gets a tenth of a processor, whatever it does.
  private static let nanosecondsEach: UInt64 = 1_000_000_000 / 4_000

  private let hook: TurnHook
  private var timer: Timer?
  private var left = AcceptTurns.perTurn
  /// When all that were accepted were due at that rate.
  private var due: UInt64 = 0
  private var takeLater: (() -> Void)?

  init(on loop: Loop) throws(UVError) {
    hook = try TurnHook(on: loop, .idle)
    do throws(UVError) {
      let timer = try Timer(on: loop) { [unowned self] in goOn() }
      timer.keepsLoopAlive = false
      self.timer = timer
    } catch {
      hook.close()
      throw error
    }
  }

  /// Calls `take`, which must take the connection from libuv: now, in the next turn, or in a moment.
  func arrived(_ take: @escaping () -> Void) {
    let now = Loop.now
    let isEarly = due > now + Self.burst * Self.nanosecondsEach
    guard isEarly || left <= 0 else { return pass(now, take) }
    takeLater = take
    if isEarly {
      timer?.fire(at: now + 1)
    } else {
      hook.start { [unowned self] in goOn() }
    }
  }

  private func goOn() {
    hook.stop()
    left = Self.perTurn
    guard let take = takeLater else { return }
    takeLater = nil
    pass(Loop.now, take)
  }

  private func pass(_ now: UInt64, _ take: () -> Void) {
    left -= 1
    due = max(due, now) + Self.nanosecondsEach
    take()
  }

  func close() {
    hook.close()
    timer?.close()
  }
}
