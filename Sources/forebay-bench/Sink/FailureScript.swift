import ForebayCore

/// What goes wrong with the sink, and when: `5s:stall 3s; 10s:reject 1s; 12s:close; 15s:refuse 2s`.
///
/// Times count from the sink's start. A failure without a duration lasts until `normal`.
struct FailureScript: Equatable, Sendable {
  enum Failure: String, CaseIterable, Sendable {
    /// Takes messages and says nothing of them.
    case stall
    /// Settles every message as `rejected`.
    case reject
    /// Reclaims all windows and grants nothing.
    case throttle
    /// Listens no longer: a connect is refused.
    case refuse
  }

  enum Event: Equatable, Sendable {
    case begin(Failure, until: Instant?)
    case end(Failure)
    /// Closes every connection without a word.
    case closeAll
  }

  struct Step: Equatable, Sendable {
    var at: Instant
    var event: Event
  }

  private(set) var steps: [Step] = []

  struct Mistake: Error, Equatable, CustomStringConvertible {
    var description: String
  }

  /// `start` is the instant from which the script's times count.
  init(_ text: String, start: Instant = Instant(nanoseconds: 0)) throws(Mistake) {
    for part in text.split(separator: ";") {
      let words = part.split(separator: " ")
      guard !words.isEmpty else { continue }
      try add(words, start: start)
    }
    // Stable: of two steps at one time the one written first happens first.
    steps = steps.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
      .map(\.element)
  }

  private mutating func add(_ words: [Substring], start: Instant) throws(Mistake) {
    let part = words.joined(separator: " ")
    let head = words[0].split(separator: ":", omittingEmptySubsequences: false)
    guard head.count == 2, let time = TimeArgument(argument: String(head[0])), words.count <= 2
    else {
      throw Mistake(description: "'\(part)': expected TIME:ACTION [DURATION]")
    }
    let at = start + time.span
    let end = try words.count == 2 ? at + duration(words[1], in: part) : nil
    switch (head[1], Failure(rawValue: String(head[1]))) {
    case (_, let failure?):
      steps.append(Step(at: at, event: .begin(failure, until: end)))
      if let end { steps.append(Step(at: end, event: .end(failure))) }
    case ("close", nil) where end == nil:
      steps.append(Step(at: at, event: .closeAll))
    case ("normal", nil) where end == nil:
      for failure in Failure.allCases { steps.append(Step(at: at, event: .end(failure))) }
    case (_, nil):
      throw Mistake(
        description: "'\(part)': the actions are stall, reject, throttle and refuse, "
          + "which may have a duration, and close and normal, which have none")
    }
  }

  private func duration(_ word: Substring, in part: String) throws(Mistake) -> TimeSpan {
    guard let duration = TimeArgument(argument: String(word)) else {
      throw Mistake(description: "'\(part)': '\(word)' is no duration")
    }
    return duration.span
  }

  /// Takes the next step if its time has come.
  mutating func next(now: Instant) -> Event? {
    guard let first = steps.first, first.at <= now else { return nil }
    return steps.removeFirst().event
  }
}
