import ForebayCore
import ForebayWire

/// Everything that the cores of a simulation were told and said, as one number: equal seeds give equal
/// numbers. And in words, for the person who replays a seed.
final class Trace {
  private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  /// Hears of every event. Nil: nobody listens, and no words are made.
  var listener: ((String) -> Void)?

  func mix(_ word: UInt64) {
    hash = (hash ^ word) &* 0x0000_0100_0000_01b3
    hash ^= hash >> 29
  }

  func mix(_ bytes: UnsafeRawBufferPointer) {
    mix(UInt64(bytes.count))
    var offset = 0
    while offset + 8 <= bytes.count {
      mix(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      offset += 8
    }
    while offset < bytes.count {
      mix(UInt64(bytes[offset]))
      offset += 1
    }
  }

  func say(_ text: @autoclosure () -> String) { listener?(text()) }
}

/// Looks at a core before and after everything that it does.
protocol CoreWatch: AnyObject {
  func willAct()
  func didAct()
  /// The core has handed a call to a route's upstream.
  func didDispatch(_ route: UInt32, _ call: UInt32)
  /// The core is about to be told what became of a call.
  func willSettle(_ call: UInt32, _ verdict: CallVerdict)
  /// It is lost with its connection, perhaps with others, which together are one result.
  func willLose(_ call: UInt32)
  /// The operator wants a probe now.
  func willProbe(_ route: UInt32)
}

extension CoreWatch {
  func didDispatch(_ route: UInt32, _ call: UInt32) {}
  func willSettle(_ call: UInt32, _ verdict: CallVerdict) {}
  func willLose(_ call: UInt32) {}
  func willProbe(_ route: UInt32) {}
}
