import Testing

/// The longest wait for anything. No test depends on how fast the machine is, only on it ending.
let patience = Duration.seconds(60)

/// Polls until there is a value. Never blocks a thread: tests share as many as there are processors.
func eventually<Value>(
  _ what: @autoclosure () -> String, every interval: Duration = .milliseconds(2),
  sourceLocation: SourceLocation = #_sourceLocation, _ value: () async throws -> Value?
) async throws -> Value {
  let deadline = ContinuousClock.now + patience
  while true {
    if let value = try await value() { return value }
    if ContinuousClock.now > deadline { break }
    try await Task.sleep(for: interval)
  }
  Issue.record("waited \(patience) for \(what())", sourceLocation: sourceLocation)
  throw InVain()
}

/// Polls until a condition holds.
func expectEventually(
  _ what: @autoclosure () -> String, every interval: Duration = .milliseconds(2),
  sourceLocation: SourceLocation = #_sourceLocation, _ condition: () async throws -> Bool
) async throws {
  _ = try await eventually(what(), every: interval, sourceLocation: sourceLocation) {
    try await condition() ? true : nil
  }
}

/// Thrown after the issue was recorded.
struct InVain: Error {}
