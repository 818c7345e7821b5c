import ForebayWire

/// What became of a message.
public enum MessageOutcome: String, Sendable, CaseIterable {
  /// The daemon holds it in memory. Not final.
  case received
  /// The daemon has it on disk. Not final.
  case stored
  /// The upstream has it.
  case delivered
  /// The daemon gave up on it and keeps it for people to look at.
  case deadLettered = "dead_lettered"
  /// The daemon or the upstream will never take it.
  case rejected
  /// Its time to live passed.
  case expired
  /// The daemon let go of it; the code says why.
  case dropped
  /// It was known before.
  case duplicate
  /// The client let go of it before any byte of it was sent.
  case notSent = "not_sent"
  /// The client let go of it after it was sent, without having heard of it.
  case unknown

  /// Exactly one final outcome is reported for each message.
  public var isFinal: Bool {
    switch self {
    case .received, .stored: return false
    case .delivered, .deadLettered, .rejected, .expired, .dropped, .duplicate, .notSent, .unknown:
      return true
    }
  }

  init(_ outcome: Outcome) {
    switch outcome {
    case .received: self = .received
    case .stored: self = .stored
    case .delivered: self = .delivered
    case .deadLettered: self = .deadLettered
    case .rejected: self = .rejected
    case .expired: self = .expired
    case .dropped: self = .dropped
    case .duplicate: self = .duplicate
    }
  }
}

/// An outcome of messages that were submitted one after the other.
public struct OutcomeReport: Equatable, Sendable {
  /// The messages, by the numbers that `submit` gave them.
  public var messages: Range<UInt64>
  public var outcome: MessageOutcome
  /// Why, as the daemon's number; 0 means that there is nothing to say.
  public var code: UInt16
  /// An attempt was still unanswered: the upstream may have the message all the same.
  public var isMaybeDelivered: Bool
  /// The daemon had settled the message before it was sent again.
  public var isDuplicate: Bool

  /// `code` as a word, where this version knows it.
  public var reason: String? { MessageCode(rawValue: code).word }
}

extension OutcomeReport {
  /// Nil for events that aren't about messages.
  init?(_ event: ClientEvent) {
    switch event {
    case .answered(let first, let count, let outcome):
      self.init(first: first, count: count, outcome: MessageOutcome(outcome))
    case .settled(let first, let count, let outcome, let code, let flags):
      self.init(first: first, count: count, outcome: MessageOutcome(outcome))
      self.code = code.rawValue
      isMaybeDelivered = flags.contains(.maybeDelivered)
      isDuplicate = flags.contains(.duplicate)
    case .abandoned(let first, let count, let certainty, _):
      self.init(first: first, count: count, outcome: certainty == .notSent ? .notSent : .unknown)
    case .welcomed, .windowChanged, .ended: return nil
    }
  }

  private init(first: UInt64, count: Int, outcome: MessageOutcome) {
    messages = first..<(first + UInt64(count))
    self.outcome = outcome
    code = 0
    isMaybeDelivered = false
    isDuplicate = false
  }

  /// Takes in a report that continues this one and says the same.
  package mutating func extend(with next: OutcomeReport) -> Bool {
    var joined = next
    joined.messages = messages
    guard joined == self, messages.upperBound == next.messages.lowerBound else { return false }
    messages = messages.lowerBound..<next.messages.upperBound
    return true
  }
}
