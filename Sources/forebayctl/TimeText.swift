/// Lengths of time as people write and read them.
enum TimeText {
  private static let units: [(name: String, nanoseconds: UInt64)] = [
    ("ms", 1_000_000), ("us", 1_000), ("ns", 1), ("s", 1_000_000_000), ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
  ]

  /// Reads `30s`, `500ms`, `5m`, `1h`; nil for anything else, a number without a unit included.
  static func parse(_ text: String) -> Duration? {
    for unit in units where text.hasSuffix(unit.name) {
      let digits = text.dropLast(unit.name.count)
      guard let first = digits.first, first.isNumber, let count = UInt64(digits) else { continue }
      let (nanoseconds, overflow) = count.multipliedReportingOverflow(by: unit.nanoseconds)
      guard !overflow, let signed = Int64(exactly: nanoseconds) else { return nil }
      return .nanoseconds(signed)
    }
    return nil
  }

  /// Seconds with three decimals.
  static func seconds(_ time: Duration) -> String {
    let (seconds, attoseconds) = time.components
    let milliseconds = String(attoseconds / 1_000_000_000_000_000)
    return "\(seconds).\(String(repeating: "0", count: 3 - milliseconds.count))\(milliseconds)"
  }
}
