import ForebayCore
import Testing

@testable import ForebayDaemon

struct CallbackWatchTests {
  private let start = Instant(nanoseconds: 1_000_000)

  @Test func findsTheLongest() {
    var watch = CallbackWatch(now: start, used: .milliseconds(7))
    // Time of the day and time of the processor: the third interval waited most of the time.
    let readings: [(wall: UInt64, cpu: UInt64)] = [
      (1_200, 8_100), (3_900, 10_700), (39_000, 11_900),
    ]
    for reading in readings {
      watch.callbackBegan(now: start + .microseconds(reading.wall)) { .microseconds(reading.cpu) }
    }
    #expect(watch.longest == .microseconds(2_600))
  }

  @Test func readsTheThreadsTimeRarely() {
    var watch = CallbackWatch(now: start, used: .zero)
    var readings = 0
    for step in 1...1_000 as ClosedRange<UInt64> {
      watch.callbackBegan(now: start + .microseconds(step * 50)) {
        readings += 1
        return .microseconds(step * 50)
      }
    }
    #expect(readings == 50)
    #expect(watch.longest == CallbackWatch.interval)
  }
}
