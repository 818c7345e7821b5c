import Glibc

enum MonotonicClock {
  static func now() -> Nanoseconds {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Nanoseconds(time.tv_sec) * 1_000_000_000 + Nanoseconds(time.tv_nsec)
  }
}

extension Duration {
  /// Never negative, and rounded up, so that a wait is never shorter than was asked for.
  var nanosecondsClamped: Nanoseconds {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let (whole, overflow) = Nanoseconds(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? .max : whole.after(Nanoseconds((attoseconds + 999_999_999) / 1_000_000_000))
  }
}

extension Nanoseconds {
  /// The time until this point as poll(2) wants it: rounded up, or it would spin at the end.
  func pollMilliseconds(from now: Nanoseconds) -> Int32 {
    let left = since(now)
    return Int32(clamping: left / 1_000_000 + (left % 1_000_000 == 0 ? 0 : 1))
  }
}
