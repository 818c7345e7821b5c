package import ForebayWire

/// What an HTTP status means for messages. The defaults follow RFC 9110 and the contract: only what is
/// the message's own fault rejects it; whatever an operator can repair (credentials, the path, the
/// method) keeps it waiting.
package struct HTTPStatusTable: Equatable, Sendable {
  package enum Meaning: Equatable, Sendable {
    case accepted
    /// It may work later, or once somebody has repaired something.
    case failed
    /// "Slow down".
    case throttled
    /// This will never be taken.
    case rejected
    /// Of one message of several: not taken, because of another one.
    case returned
  }

  /// An operator's own: a status or a whole class of them.
  package struct Rule: Equatable, Sendable {
    package let statuses: ClosedRange<Int>
    package let meaning: Meaning

    package init(_ statuses: ClosedRange<Int>, _ meaning: Meaning) {
      self.statuses = statuses
      self.meaning = meaning
    }
  }

  private let rules: [Rule]

  /// One status goes before a class, and a later rule before an earlier one.
  package init(_ rules: [Rule] = []) {
    let classes = rules.filter { $0.statuses.count > 1 }
    self.rules = (classes + rules.filter { $0.statuses.count == 1 }).reversed()
  }

  /// `retryAfter`: whether the answer says when to come again.
  package func meaning(of status: Int, hasRetryAfter: Bool) -> Meaning {
    if let rule = rules.first(where: { $0.statuses.contains(status) }) { return rule.meaning }
    switch status {
    case 200...299: return .accepted
    case 429: return .throttled
    // Proxies say it, too, when there is nobody behind them: then without a time.
    case 503: return hasRetryAfter ? .throttled : .failed
    // Too slow; rights; nothing there; the wrong method, type or length; a repetition that is still being
    // worked on (409); too early. Somebody repairs these, or they pass.
    case 401...411, 415, 421, 425, 426, 428, 451: return .failed
    case 400...499: return .rejected
    default: return .failed
    }
  }

  /// Of one message in a document of results.
  package func meaning(ofResult status: Int) -> Meaning {
    if rules.contains(where: { $0.statuses.contains(status) }) {
      return meaning(of: status, hasRetryAfter: false)
    }
    return status == 424 ? .returned : meaning(of: status, hasRetryAfter: false)
  }

  /// 600 and the status' last two digits; 699 for those that have none of their own.
  package static func code(of status: Int) -> MessageCode {
    MessageCode(rawValue: (400...489).contains(status) ? UInt16(200 + status) : 699)
  }

  /// What we say ourselves, before anything is sent: the message can't stand in the format.
  package static let formatUnfit = MessageCode(rawValue: 690)
  /// Its key can't stand in the path.
  package static let keyUnfit = MessageCode(rawValue: 691)

  /// What to do about it, for the log.
  package static func advice(_ status: Int) -> String? {
    switch status {
    case 300...399: "redirections aren't followed: name the address that it leads to"
    case 401: "it wants other credentials: http.user, http.password_file or http.bearer_token_file"
    case 403: "it knows us and doesn't allow this"
    case 404, 410: "nothing is there: the path of the route's URL is wrong"
    case 405, 501: "it wants another method: http.method"
    case 409: "it may still be working on the same request"
    case 413: "it takes no such body: lower batch.bytes, or raise its own limit"
    case 415: "it wants another content type, or no compression: http.content_type, http.format"
    case 429: "it wants less"
    default: nil
    }
  }
}
