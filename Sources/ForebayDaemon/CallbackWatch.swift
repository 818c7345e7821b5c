import ForebayCore
import Glibc

/// The most CPU time that one callback has kept the loop's thread.
///
/// To read a thread's CPU time is a system call, too dear for every callback of a few microseconds.
/// So it is read where a callback begins, and only if the last reading is `interval` old. What was
/// used between two readings counts as one callback's: the result is never too low, and at most
/// `interval` too high. Between callbacks the thread waits, which takes none.
struct CallbackWatch {
  static let interval = TimeSpan.milliseconds(1)

  private(set) var longest = TimeSpan.zero
  private var readAt: Instant
  private var used: TimeSpan

  init(now: Instant, used: TimeSpan) {
    readAt = now
    self.used = used
  }

  /// `now` is what the callback needs anyway; `cpuTime` is asked only when it is due.
  mutating func callbackBegan(now: Instant, cpuTime: () -> TimeSpan) {
    guard now.since(readAt).nanoseconds >= Self.interval.nanoseconds else { return }
    let total = cpuTime()
    longest = max(longest, TimeSpan(nanoseconds: total.nanoseconds - used.nanoseconds))
    used = total
    readAt = now
  }
}

enum ThreadTime {
  /// The CPU time of the calling thread.
  static func used() -> TimeSpan {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return .nanoseconds(UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
  }
}
