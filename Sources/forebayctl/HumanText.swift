/// Quantities for people. Scripts ask for text or JSON and get the numbers as they are.
enum HumanText {
  /// `path` names the unit: `held.bytes`, `idle_ms`, `age_seconds`.
  static func quantity(_ number: String, _ path: String) -> String {
    guard let value = Double(number) else { return number }
    if path.hasSuffix("bytes") { return bytes(value) }
    if path.hasSuffix("seconds") { return time(value) }
    if path.hasSuffix("_ms") { return time(value / 1000) }
    return number
  }

  static func bytes(_ count: Double) -> String {
    guard count >= 1024 else { return "\(Int(count)) B" }
    var value = count
    for unit in ["KiB", "MiB", "GiB"] {
      value /= 1024
      if value < 1024 || unit == "GiB" { return "\(tenths(value)) \(unit)" }
    }
    return "\(Int(count)) B"
  }

  static func time(_ seconds: Double) -> String {
    let whole = Int(seconds)
    func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
    switch whole {
    case ..<1: return "\(Int((seconds * 1000).rounded()))ms"
    case ..<60: return "\(tenths(seconds))s"
    case ..<3600: return "\(whole / 60)m\(two(whole % 60))s"
    case ..<86_400: return "\(whole / 3600)h\(two(whole % 3600 / 60))m"
    default: return "\(whole / 86_400)d\(two(whole % 86_400 / 3600))h"
    }
  }

  private static func tenths(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}
