import ForebayUV
import Glibc
import Synchronization

/// Wakes the loop at an even pace, more finely than the loop's own timers of a millisecond can.
final class Pacemaker {
  /// The shortest time between two beats: messages wait for their beat at most so long.
  static let shortestBeat = 100_000.0

  private let async: Async
  private let isStopped = StopFlag()

  private final class StopFlag: Sendable {
    let value = Atomic<Bool>(false)
  }

  /// `beat` is in nanoseconds.
  init(on loop: Loop, beat: Double, _ action: @escaping () -> Void) throws(UVError) {
    async = try Async(on: loop, action)
    let waker = async.waker
    let flag = isStopped
    let step = Int(max(beat, Self.shortestBeat))
    try Work(on: loop) {
      keepWaking(waker, step: step) { flag.value.load(ordering: .relaxed) }
    } then: { _ in
    }
  }

  func stop() {
    isStopped.value.store(true, ordering: .relaxed)
    async.close()
  }
}

private func keepWaking(_ waker: Waker, step: Int, until isStopped: () -> Bool) {
  var next = timespec()
  clock_gettime(CLOCK_MONOTONIC, &next)
  while !isStopped() {
    next.tv_nsec += step
    next.tv_sec += next.tv_nsec / 1_000_000_000
    next.tv_nsec %= 1_000_000_000
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nil)
    waker.wake()
  }
}
