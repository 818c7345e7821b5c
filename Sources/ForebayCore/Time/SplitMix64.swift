/// A small deterministic generator for jitter. The shell brings the seed; the core draws nothing.
///
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
package struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64
  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// A span in `0..<bound`, or zero for a zero bound: "full jitter".
  package mutating func span(below bound: TimeSpan) -> TimeSpan {
    bound.nanoseconds == 0 ? .zero : TimeSpan(nanoseconds: next() % bound.nanoseconds)
  }
}
