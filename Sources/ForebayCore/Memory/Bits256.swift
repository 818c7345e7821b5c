/// One bit for each message of a run, or of a call.
package struct Bits256: Equatable, Sendable {
  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  package init() {}

  package static func == (a: Bits256, b: Bits256) -> Bool { a.words == b.words }

  package var isEmpty: Bool { words.0 | words.1 | words.2 | words.3 == 0 }

  package subscript(index: Int) -> Bool {
    get { word(index >> 6) & (1 << UInt64(index & 63)) != 0 }
    set {
      let bit: UInt64 = 1 << UInt64(index & 63)
      let old = word(index >> 6)
      setWord(index >> 6, newValue ? old | bit : old & ~bit)
    }
  }

  private func word(_ index: Int) -> UInt64 {
    switch index {
    case 0: words.0
    case 1: words.1
    case 2: words.2
    default: words.3
    }
  }

  private mutating func setWord(_ index: Int, _ value: UInt64) {
    switch index {
    case 0: words.0 = value
    case 1: words.1 = value
    case 2: words.2 = value
    default: words.3 = value
    }
  }
}
