import Glibc
import Testing

/// Lets only a few of the tests run that keep processors busy: with all at once, each would look as if
/// it hung, and clients would miss deadlines that are the daemon's to enforce.
///
/// With `FOREBAY_TEST_TIMES=FILE` each writes a line there: how long it waited for its place and how long
/// it had it, in seconds, and its name.
struct FewAtOnce: TestTrait, SuiteTrait, TestScoping {
  private static let turnstile = Turnstile(places: 4)

  let isRecursive = true
  let order: Order

  enum Order: Comparable {
    /// Takes longer than others, or is one of several that go one after the other: at the end of all it
    /// would be waited for.
    case first
    case any
  }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    // A suite is no work of its own.
    guard testCase != nil else { return try await function() }
    let came = ContinuousClock.now
    await Self.turnstile.enter(order)
    let began = ContinuousClock.now
    do {
      try await function()
    } catch {
      await Self.turnstile.leave()
      throw error
    }
    await Self.turnstile.leave()
    TestTimes.note("\(test.id)", waited: began - came, ran: .now - began)
  }
}

extension Trait where Self == FewAtOnce {
  static var fewAtOnce: Self { FewAtOnce(order: .any) }
  static func fewAtOnce(_ order: FewAtOnce.Order) -> Self { FewAtOnce(order: order) }
}

private actor Turnstile {
  private var places: Int
  private var waiting: [(order: FewAtOnce.Order, is: CheckedContinuation<Void, Never>)] = []

  init(places: Int) { self.places = places }

  func enter(_ order: FewAtOnce.Order) async {
    if places > 0 {
      places -= 1
    } else {
      await withCheckedContinuation { waiter in
        let behind = waiting.firstIndex { $0.order > order } ?? waiting.endIndex
        waiting.insert((order, waiter), at: behind)
      }
    }
  }

  /// A place that somebody waits for changes hands without having been free.
  func leave() {
    if waiting.isEmpty { places += 1 } else { waiting.removeFirst().is.resume() }
  }
}

/// Where the time of a run goes.
private enum TestTimes {
  private static let file = getenv("FOREBAY_TEST_TIMES").map { String(cString: $0) }

  static func note(_ name: String, waited: Duration, ran: Duration) {
    guard let file else { return }
    let line = "\(seconds(waited)) \(seconds(ran)) \(name)\n"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    _ = write(descriptor, line, line.utf8.count)
    close(descriptor)
  }

  private static func seconds(_ duration: Duration) -> Double {
    (duration / .milliseconds(100)).rounded() / 10
  }
}
