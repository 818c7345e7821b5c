internal import CUV

/// Lets a listener accept a few connections a turn, so that whoever connects in a loop holds up nobody.
///
/// libuv accepts for as long as somebody waits to be accepted: two processes that connect and hang up as
/// fast as they can kept the loop there for as long as they ran. It stops when a connection isn't taken
/// from it, and goes on when it is: so one in so many is taken in the next turn.
final class AcceptTurns {
  /// With its HELLO and its end a connection costs some eighty microseconds: whoever else is ready in the same
  /// turn waits for a third of a millisecond at most.
  private static let perTurn = 4

  private let hook: TurnHook
  private var left = AcceptTurns.perTurn

  init(on loop: Loop) throws(UVError) { hook = try TurnHook(on: loop, .idle) }

  /// Calls `take`, which must take the connection from libuv: now, or in the next turn.
  func arrived(_ take: @escaping () -> Void) {
    left -= 1
    guard left <= 0 else { return take() }
    hook.start { [self] in
      hook.stop()
      left = Self.perTurn
      take()
    }
  }

  func close() { hook.close() }
}
