import Testing

/// Lets only a few of the tests run that keep processors busy: with all at once, each would look as if
/// it hung, and clients would miss deadlines that are the daemon's to enforce.
struct FewAtOnce: TestTrait, SuiteTrait, TestScoping {
  private static let turnstile = Turnstile(places: 3)

  let isRecursive = true

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    // A suite is no work of its own.
    guard testCase != nil else { return try await function() }
    await Self.turnstile.enter()
    do {
      try await function()
    } catch {
      await Self.turnstile.leave()
      throw error
    }
    await Self.turnstile.leave()
  }
}

extension Trait where Self == FewAtOnce {
  static var fewAtOnce: Self { FewAtOnce() }
}

private actor Turnstile {
  private var places: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  init(places: Int) { self.places = places }

  func enter() async {
    if places > 0 {
      places -= 1
    } else {
      await withCheckedContinuation { waiting.append($0) }
    }
  }

  /// A place that somebody waits for changes hands without having been free.
  func leave() {
    if waiting.isEmpty { places += 1 } else { waiting.removeFirst().resume() }
  }
}
