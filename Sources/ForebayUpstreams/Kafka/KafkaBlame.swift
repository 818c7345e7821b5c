import ForebayWire

/// Finds which message of refused batches is to blame. The library puts messages into batches as it likes,
/// and a broker refuses a batch as a whole.
///
/// A single message that was refused was alone in its batch. Of several each goes alone next time, by a
/// producer that is made for that, until all that was out then has been answered.
struct KafkaBlame {
  struct Refused: Equatable {
    let slot: Int
    let message: Int
    let code: MessageCode
  }

  /// While messages go alone, no more of them are out than the library sends at once, a few times.
  private static let aloneMax = 64

  /// Messages of batches that were refused on this connection.
  private(set) var refused: [Refused] = []
  /// So many messages are still to go alone.
  private var left = 0
  /// Messages of this connection go alone.
  private(set) var isAlone = false

  mutating func connecting() { isAlone = left > 0 }

  /// The library has let go of a message, with whatever result.
  mutating func answered() { if isAlone, left > 0 { left -= 1 } }

  mutating func refused(_ slot: Int, _ message: Int, _ code: MessageCode) {
    refused.append(Refused(slot: slot, message: message, code: code))
  }

  enum OnEnd: Equatable {
    /// Nothing was refused.
    case nothing
    /// Reject this one.
    case reject(Refused)
    /// One of so many is to blame: the next connection sends each alone.
    case suspect(Int)
  }

  /// No more answers come on this connection; so many messages have none.
  mutating func ended(unsettled: Int) -> OnEnd {
    if refused.isEmpty { return .nothing }
    if refused.count == 1 { return .reject(refused[0]) }
    left = max(left, unsettled)
    return .suspect(refused.count)
  }

  mutating func closed() { refused.removeAll(keepingCapacity: true) }

  /// Whether enough is out alone, or all that had to go alone is.
  func isFull(outstanding: Int) -> Bool { left <= 0 || outstanding >= Self.aloneMax }

  /// All that had to go alone is answered: batches may come again.
  func isFound(outstanding: Int) -> Bool { left <= 0 && outstanding == 0 }
}
