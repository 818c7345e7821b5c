package import ForebayCore

/// Quantities as people write them: `64MiB`, `256k`, `30s`, `500/s`. `1.5s` is not among them.
package enum Quantity {
  /// A count of bytes, with a unit of `B`, `KiB`, `MiB`, `GiB`, or `k`, `M`, `G` for the same.
  package static func bytes(_ text: String) -> UInt64? {
    let units: [(String, UInt64)] = [
      ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("k", 1 << 10), ("K", 1 << 10),
      ("M", 1 << 20), ("G", 1 << 30), ("B", 1), ("", 1),
    ]
    return value(text, units)
  }

  /// A length of time, with a unit of `ms`, `s`, `m` or `h`.
  package static func time(_ text: String) -> TimeSpan? {
    value(text, times).map(TimeSpan.init(nanoseconds:))
  }

  /// A plain number.
  package static func number(_ text: String) -> UInt64? { value(text, [("", 1)]) }

  private static let times: [(String, UInt64)] = [
    ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
  ]

  private static func value(_ text: String, _ units: [(String, UInt64)]) -> UInt64? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let suffix = text.dropFirst(digits.count)
    guard let number = UInt64(digits), let unit = units.first(where: { $0.0 == suffix }) else {
      return nil
    }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit.1)
    return overflow ? nil : product
  }

  // MARK: The way back

  /// With the largest unit that divides it.
  package static func text(bytes: UInt64) -> String {
    let units: [(String, UInt64)] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
    return text(bytes, units) ?? String(bytes)
  }

  package static func text(time: TimeSpan) -> String {
    if time == .zero { return "0s" }
    return text(time.nanoseconds, times.reversed()) ?? "\(time.millisecondsRoundedUp)ms"
  }

  private static func text(_ value: UInt64, _ units: [(String, UInt64)]) -> String? {
    units.first { value >= $0.1 && value % $0.1 == 0 }.map { "\(value / $0.1)\($0.0)" }
  }
}
