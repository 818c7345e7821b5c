/// Where the marks of an axis stand.
enum Axis {
  /// Multiples of 1, 2 or 5 times a power of ten, from zero to the first one at or above `top`: about
  /// `wanted` of them.
  static func marks(upTo top: Double, wanted: Int = 4) -> [Double] {
    guard top.isFinite, top > 0 else { return [0, 1] }
    let rough = top / Double(wanted)
    var power = 1.0
    while power * 10 <= rough { power *= 10 }
    while power > rough { power /= 10 }
    let step = [1.0, 2, 5].map { $0 * power }.first { $0 >= rough } ?? 10 * power
    let count = Int((top / step).rounded(.up))
    return (0...max(1, count)).map { Double($0) * step }
  }

  /// The powers of ten from the one at or below `low` to the one at or above `high`.
  static func decades(from low: Double, to high: Double) -> [Double] {
    guard low > 0, high >= low, high.isFinite else { return [1, 10] }
    var power = 1.0
    while power > low { power /= 10 }
    while power * 10 <= low { power *= 10 }
    var marks = [power]
    while let last = marks.last, last < high || marks.count < 2 { marks.append(last * 10) }
    return marks
  }

  /// A number as a mark says it: `0.5`, `40`, `20k`, `1M`.
  static func label(_ value: Double) -> String {
    func short(_ value: Double) -> String {
      decimal(value, places: value == value.rounded() ? 0 : 1)
    }
    return switch value.magnitude {
    case 1e6...: short(value / 1e6) + "M"
    case 1e4...: short(value / 1e3) + "k"
    case 0: "0"
    case ..<0.1: decimal(value, places: 2)
    case _: short(value)
    }
  }

  /// A measured number: three digits say enough.
  static func figure(_ value: Double) -> String {
    decimal(value, places: value < 10 ? 2 : value < 100 ? 1 : 0)
  }
}
