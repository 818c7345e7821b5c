import ForebayCore
import Testing

@testable import ForebayDaemon

struct CallbackWatchTests {
  private let start = Instant(nanoseconds: 1_000_000)

  @Test func findsTheLongest() {
    var watch = CallbackWatch(now: start, used: .milliseconds(7))
    // Time of the day and time of the processor: the third interval waited most of the time.
    let readings: [(wall: UInt64, cpu: UInt64)] = [(300, 7_250), (900, 7_900), (9_000, 8_200)]
    for reading in readings {
      watch.callbackBegan(now: start + .microseconds(reading.wall)) { .microseconds(reading.cpu) }
    }
    #expect(watch.longest == .microseconds(650))
  }

  @Test func readsTheThreadsTimeRarely() {
    var watch = CallbackWatch(now: start, used: .zero)
    var readings = 0
    for step in 1...1_000 as ClosedRange<UInt64> {
      watch.callbackBegan(now: start + .microseconds(step * 10)) {
        readings += 1
        return .microseconds(step * 10)
      }
    }
    #expect(readings == 50)
    #expect(watch.longest == CallbackWatch.interval)
  }
}
