/// An admin reply as it comes, line by line: a status line, a body, an empty line.
struct AdminReply {
  private enum State {
    /// Can transition to: body, broken.
    case status
    /// Can transition to: ended.
    case body(AdminConnection.Answer)
    case ended
  }
  private var state = State.status

  enum OnLine: Equatable {
    case nothing
    /// A line of the body.
    case show(String)
    /// The reply is whole.
    case end(AdminConnection.Answer)
    /// The other side doesn't speak the admin protocol.
    case broken
  }

  mutating func lineReceived(_ line: String) -> OnLine {
    switch state {
    case .status: return statusReceived(line)
    case .body(let answer):
      guard line.isEmpty else { return .show(line) }
      state = .ended
      return .end(answer)
    case .ended: return .broken
    }
  }

  private mutating func statusReceived(_ line: String) -> OnLine {
    let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    let rest = words.count > 1 ? String(words[1]) : ""
    switch words.first {
    case "+OK":
      state = .body(.ok(rest))
      return .nothing
    case "-ERR":
      let parts = rest.split(separator: " ", maxSplits: 1)
      let code = parts.first.map(String.init) ?? ""
      state = .body(.failed(code: code, text: parts.count > 1 ? String(parts[1]) : ""))
      return .nothing
    default: return .broken
    }
  }
}
