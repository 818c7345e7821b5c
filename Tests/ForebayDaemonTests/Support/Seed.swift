import Glibc
import Testing

/// What a test draws from. `FOREBAY_SEED=N` repeats a run that failed.
struct Seed: Sendable, CustomStringConvertible, CustomTestStringConvertible {
  let value: UInt64
  var random: SplitMix { SplitMix(state: value) }
  var description: String { "seed \(value)" }
  var testDescription: String { description }

  /// The index keeps several of one test apart.
  init(_ index: Int) {
    if let text = getenv("FOREBAY_SEED"), let seed = UInt64(String(cString: text)) {
      value = seed &+ UInt64(index)
    } else {
      value = .random(in: .min ... .max)
    }
  }
}

extension SplitMix {
  mutating func draw(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(next() % UInt64(range.count))
  }
}

extension [Producer] {
  var settledCount: Int { reduce(0) { $0 + $1.outcomes.count } }
  var unsettledByName: [String: Set<UInt64>] {
    reduce(into: [:]) { $0[$1.name] = Set($1.unsettled) }
  }
}
