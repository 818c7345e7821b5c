import ForebayCore
import ForebayWire

/// What an answer means for the messages of a request.
struct HTTPVerdict: Equatable {
  struct Part: Equatable {
    var messages: Range<Int>
    let verdict: MessageVerdict
  }

  /// What is said of single messages, counted from the call's first.
  var parts: [Part] = []
  /// And of all others.
  var rest: CallVerdict

  /// A status that is said of the whole request.
  static func ofStatus(
    _ status: Int, retryAfter: TimeSpan?, _ table: HTTPStatusTable
  ) -> HTTPVerdict {
    HTTPVerdict(
      rest: rest(status, table.meaning(of: status, hasRetryAfter: retryAfter != nil), retryAfter))
  }

  private static func rest(
    _ status: Int, _ meaning: HTTPStatusTable.Meaning, _ retryAfter: TimeSpan?
  ) -> CallVerdict {
    switch meaning {
    case .accepted: .accepted
    case .failed: .failed(retryAfter: retryAfter)
    case .throttled: .throttled(retryAfter: retryAfter)
    // Of several it isn't known whose fault it is.
    case .rejected: .refused(HTTPStatusTable.code(of: status))
    case .returned: .returned
    }
  }

  /// A status for each message that was in the body, in order.
  static func ofResults(
    _ statuses: [UInt16], messages: Int, unfit: [HTTPRequest.Unfit], retryAfter: TimeSpan?,
    _ table: HTTPStatusTable
  ) -> HTTPVerdict {
    var verdict = HTTPVerdict(rest: .accepted)
    var next = 0
    var unfitNext = 0
    for message in 0..<messages {
      if unfitNext < unfit.count, unfit[unfitNext].message == message {
        unfitNext += 1
        continue
      }
      let status = Int(statuses[next])
      next += 1
      switch table.meaning(ofResult: status) {
      case .accepted: verdict.tell(message, .accepted)
      case .rejected: verdict.tell(message, .rejected(HTTPStatusTable.code(of: status)))
      case .throttled: verdict.rest = .throttled(retryAfter: retryAfter)
      case .failed: verdict.restFailed(retryAfter)
      case .returned: if verdict.rest == .accepted { verdict.rest = .returned }
      }
    }
    return verdict
  }

  /// "Slow down" is for the whole route, and so it is more than a failure.
  private mutating func restFailed(_ retryAfter: TimeSpan?) {
    if case .throttled = rest { return }
    rest = .failed(retryAfter: retryAfter)
  }

  private mutating func tell(_ message: Int, _ verdict: MessageVerdict) {
    if let last = parts.last, last.verdict == verdict, last.messages.upperBound == message {
      parts[parts.count - 1].messages = last.messages.lowerBound..<(message + 1)
    } else {
      parts.append(Part(messages: message..<(message + 1), verdict: verdict))
    }
  }
}
