import ForebayCore
import Testing

/// A breaker and its clock, driven by verbs so that a test reads as the story that it tells.
struct BreakerScript {
  var breaker: Breaker
  var now: Instant

  /// Starts at an odd hour, so that nothing works only because time starts at zero.
  static let start = Instant(nanoseconds: 1_234_567_890_123)

  init(seed: UInt64 = 1, _ change: (inout BreakerSettings) -> Void = { _ in }) {
    var settings = BreakerSettings()
    change(&settings)
    now = Self.start
    breaker = Breaker(settings: settings, seed: seed, now: now)
  }

  var report: BreakerReport { breaker.report(now: now) }
  var counters: BreakerReport.Counters { report.counters }

  mutating func pass(_ time: TimeSpan) { now = now + time }
  mutating func pass(until instant: Instant) { now = max(now, instant) }

  mutating func offer(_ count: Int) { breaker.messagesOffered(count, now: now) }

  mutating func expectDispatch(_ at: SourceLocation = #_sourceLocation) throws -> BreakerToken {
    #expect(breaker.mayPermit(now: now), sourceLocation: at)
    guard case .dispatch(let token) = breaker.permitRequested(now: now) else {
      throw Unexpected("no call may be made in \(report)", at)
    }
    return token
  }

  mutating func expectProbe(_ at: SourceLocation = #_sourceLocation) throws -> BreakerToken {
    #expect(breaker.mayPermit(now: now), sourceLocation: at)
    guard case .probe(let token) = breaker.permitRequested(now: now) else {
      throw Unexpected("no probe may go in \(report)", at)
    }
    #expect(token.isProbe, sourceLocation: at)
    return token
  }

  mutating func expectWait(until: Instant?, _ at: SourceLocation = #_sourceLocation) {
    #expect(!breaker.mayPermit(now: now), sourceLocation: at)
    #expect(breaker.permitRequested(now: now) == .wait(until: until), sourceLocation: at)
  }

  mutating func settle(
    _ token: BreakerToken, _ result: CallResult, after time: TimeSpan = .zero
  ) -> Breaker.OnCallSettled {
    pass(time)
    return breaker.callSettled(token, result, now: now)
  }

  /// One call from permit to result.
  mutating func call(_ result: CallResult, after time: TimeSpan = .zero) throws
    -> Breaker.OnCallSettled
  {
    let token = try expectDispatch()
    return settle(token, result, after: time)
  }

  /// One probe from permit to success, which closes nothing.
  mutating func succeedProbe(_ at: SourceLocation = #_sourceLocation) throws {
    let token = try expectProbe(at)
    #expect(settle(token, .success, after: .milliseconds(1)) == .none, sourceLocation: at)
  }

  /// Lets the deadline come and does what is due.
  mutating func passDeadline(_ at: SourceLocation = #_sourceLocation) throws -> Breaker.OnDeadline {
    guard let deadline = breaker.deadline else { throw Unexpected("no deadline is set", at) }
    pass(until: deadline)
    return breaker.deadlineReached(now: now)
  }

  /// Fails calls until it opens.
  mutating func trip(
    retryAfter: TimeSpan? = nil, _ at: SourceLocation = #_sourceLocation
  ) throws -> Instant {
    for _ in 0..<breaker.settings.consecutiveFailures {
      if case .opened(let until) = try call(.failure(retryAfter: retryAfter)) { return until }
    }
    throw Unexpected("it didn't open", at)
  }

  mutating func becomeHalfOpen(_ at: SourceLocation = #_sourceLocation) throws {
    if breaker.phase == .closed { _ = try trip() }
    #expect(try passDeadline(at) == .halfOpened, sourceLocation: at)
    #expect(breaker.phase == .halfOpen, sourceLocation: at)
  }

  /// From half-open, by probes as they fall due.
  mutating func becomeClosed(_ at: SourceLocation = #_sourceLocation) throws {
    while breaker.phase == .halfOpen {
      if breaker.mayPermit(now: now) {
        _ = settle(try expectProbe(at), .success)
      } else {
        _ = try passDeadline(at)
      }
    }
    #expect(breaker.phase == .closed, sourceLocation: at)
  }
}

struct Unexpected: Error, CustomStringConvertible {
  let description: String
  init(_ what: String, _ at: SourceLocation) { description = "\(what) (at \(at))" }
}

extension CallResult {
  static var failure: CallResult { .failure(retryAfter: nil) }
  static var throttled: CallResult { .throttled(retryAfter: nil) }
}
