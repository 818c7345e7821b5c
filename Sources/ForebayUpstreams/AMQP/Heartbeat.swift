/// Tells a server that we live when nothing else does, and whether it still does.
///
/// It is asked each half of the interval that was agreed; nothing from the server for two intervals means
/// that it is gone. Time that this process stood still isn't held against the server: it counts the asking.
struct Heartbeat: Equatable {
  /// Zero: none was agreed.
  let seconds: UInt16
  private var silentTicks = 0
  private static let silentTicksMax = 4

  init(seconds: UInt16 = 0) { self.seconds = seconds }

  /// How often it wants to be asked.
  var tickMilliseconds: UInt64? { seconds > 0 ? UInt64(seconds) * 500 : nil }

  enum OnTick: Equatable {
    case rest
    /// Send one.
    case beat
    /// Nothing came for so long.
    case giveUp(seconds: Int)
  }

  mutating func ticked(hasRead: Bool, hasWritten: Bool) -> OnTick {
    guard seconds > 0 else { return .rest }
    silentTicks = hasRead ? 0 : silentTicks + 1
    if silentTicks >= Self.silentTicksMax { return .giveUp(seconds: 2 * Int(seconds)) }
    return hasWritten ? .rest : .beat
  }
}
