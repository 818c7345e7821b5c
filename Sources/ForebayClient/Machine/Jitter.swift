/// Draws the spread of waits, so that clients that failed together don't come back together.
///
/// The seed is given, so that a test replays the same waits. Source: Vigna, "An experimental
/// exploration of Marsaglia's xorshift generators, scrambled", ACM TOMS 42 (2016), xorshift64*.
package struct Jitter: Sendable {
  private var state: UInt64

  package init(seed: UInt64) {
    // The generator never leaves zero.
    state = seed == 0 ? 0x5eed : seed
  }

  /// A number in `0..<bound`; 0 for a zero bound.
  package mutating func below(_ bound: UInt64) -> UInt64 {
    state ^= state >> 12
    state ^= state << 25
    state ^= state >> 27
    // The high half: the low bits of this generator are its weakest.
    return (state &* 0x2545_f491_4f6c_dd1d).multipliedFullWidth(by: bound).high
  }
}
