import ArgumentParser
import ForebayCore
import ForebayWire

/// A length of time as people write it: `1500us`, `20ms`, `3s`, `2m`, or seconds without a unit.
struct TimeArgument: ExpressibleByArgument, Equatable, Sendable {
  var span: TimeSpan
  init(_ span: TimeSpan) { self.span = span }

  init?(argument: String) {
    let units: [(String, UInt64)] = [
      ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
      ("", 1_000_000_000),
    ]
    for (suffix, nanoseconds) in units where argument.hasSuffix(suffix) {
      guard let number = Double(argument.dropLast(suffix.count)) else { continue }
      guard number >= 0, number < 1e9 else { return nil }
      span = .nanoseconds(UInt64(number * Double(nanoseconds)))
      return
    }
    return nil
  }

  var defaultValueDescription: String { describe(span) }
}

func describe(_ span: TimeSpan) -> String {
  let nanoseconds = span.nanoseconds
  switch nanoseconds {
  case 0: return "0"
  case ..<1_000: return "\(nanoseconds)ns"
  case ..<1_000_000: return decimal(Double(nanoseconds) / 1e3, places: 1) + "us"
  case ..<1_000_000_000: return decimal(Double(nanoseconds) / 1e6, places: 2) + "ms"
  case _: return decimal(Double(nanoseconds) / 1e9, places: 2) + "s"
  }
}

/// How large payloads are: always the same, or anything between two bounds.
enum PayloadSizes: ExpressibleByArgument, Equatable, Sendable {
  case fixed(Int)
  /// An upper bound of nil is the largest that the daemon's WELCOME allows.
  case mix(Int, Int?)

  init?(argument: String) {
    if let size = Int(argument), size >= 0 {
      self = .fixed(size)
      return
    }
    guard let dots = argument.firstRange(of: "..") else { return nil }
    let upper = argument[dots.upperBound...]
    guard let low = Int(argument[..<dots.lowerBound]), low >= 0 else { return nil }
    if upper == "max" {
      self = .mix(low, nil)
    } else if let high = Int(upper), high >= low {
      self = .mix(low, high)
    } else {
      return nil
    }
  }

  var defaultValueDescription: String {
    switch self {
    case .fixed(let size): "\(size)"
    case .mix(let low, let high): "\(low)..\(high.map(String.init) ?? "max")"
    }
  }
}

/// A receipt level by its name.
struct LevelArgument: ExpressibleByArgument, Equatable, Sendable {
  var level: ReceiptLevel
  init(level: ReceiptLevel) { self.level = level }

  init?(argument: String) {
    let levels: [ReceiptLevel] = [.received, .stored, .delivered]
    guard let level = levels.first(where: { "\($0)" == argument }) else { return nil }
    self.level = level
  }

  var defaultValueDescription: String { "\(level)" }
}
