import CCurl
package import ForebayCore

/// `Retry-After`, in both of its forms (RFC 9110, 10.2.3): seconds, or a date.
package enum RetryAfter {
  /// Nobody means more; what is done with it is bounded elsewhere, too.
  static let longest = TimeSpan.seconds(86_400)

  /// `now` is seconds since 1970. Nil for what is neither; zero for a date that has passed.
  package static func span(_ text: String, now: Int64) -> TimeSpan? {
    let text = text.trimmingSpaces
    guard let first = text.utf8.first, text.utf8.count <= 64 else { return nil }
    if (0x30...0x39).contains(first) {
      guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
      guard let seconds = UInt64(text), seconds < 86_400 else { return longest }
      return .seconds(seconds)
    }
    // Knows the three forms of dates that HTTP ever had.
    let date = Int64(curl_getdate(text, nil))
    guard date >= 0 else { return nil }
    return date <= now ? .zero : min(longest, .seconds(UInt64(date - now)))
  }
}

extension String {
  var trimmingSpaces: String {
    let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\r" || $0 == "\n" }
    return String(drop(while: isSpace).reversed().drop(while: isSpace).reversed())
  }
}
