/// One bit for each of the 256 messages that a block can hold.
struct MessageBits: Equatable, Sendable {
  private var w0: UInt64 = 0
  private var w1: UInt64 = 0
  private var w2: UInt64 = 0
  private var w3: UInt64 = 0

  subscript(index: Int) -> Bool {
    get { self[word: index >> 6] & (1 << UInt64(index & 63)) != 0 }
    set {
      let bit: UInt64 = 1 << UInt64(index & 63)
      if newValue { self[word: index >> 6] |= bit } else { self[word: index >> 6] &= ~bit }
    }
  }

  /// The first index from `start` on whose bit is clear; 256 if all are set.
  func firstClear(from start: Int) -> Int {
    var index = start
    while index < 256 {
      let clear = ~self[word: index >> 6] >> UInt64(index & 63)
      if clear != 0 { return index + clear.trailingZeroBitCount }
      index = (index | 63) + 1
    }
    return 256
  }

  private subscript(word word: Int) -> UInt64 {
    get {
      switch word {
      case 0: return w0
      case 1: return w1
      case 2: return w2
      default: return w3
      }
    }
    set {
      switch word {
      case 0: w0 = newValue
      case 1: w1 = newValue
      case 2: w2 = newValue
      default: w3 = newValue
      }
    }
  }
}
