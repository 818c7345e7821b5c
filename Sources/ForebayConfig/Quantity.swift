package import ForebayCore

/// Quantities as people write them: `64MiB`, `256k`, `30s`, `1.5s` is not among them.
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
    let units: [(String, UInt64)] = [
      ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ]
    return value(text, units).map(TimeSpan.init(nanoseconds:))
  }

  private static func value(_ text: String, _ units: [(String, UInt64)]) -> UInt64? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let suffix = text.dropFirst(digits.count)
    guard let number = UInt64(digits), let unit = units.first(where: { $0.0 == suffix }) else {
      return nil
    }
    let (product, overflow) = number.multipliedReportingOverflow(by: unit.1)
    return overflow ? nil : product
  }
}
