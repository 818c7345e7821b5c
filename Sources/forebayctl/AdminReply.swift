/// An admin reply as it comes, line by line: a status line, a body, an empty line.
struct AdminReply {
  private enum State {
    /// Can transition to: body, failed, broken.
    case status
    /// Can transition to: ended.
    case body(text: String, isTextShown: Bool)
    /// After `-ERR`. Can transition to: ended.
    case failed(code: String, text: String)
    case ended(ExitStatus)
  }
  private var state = State.status

  enum OnLine: Equatable {
    /// Print it.
    case show(String)
    case nothing
    /// The reply is whole.
    case end(ExitStatus)
    /// The reply is whole, and this is what to print of it.
    case endShowing(String, ExitStatus)
    /// The reply is whole and says that the command failed.
    case fail(String, ExitStatus)
    /// The other side doesn't speak the admin protocol.
    case broken
  }

  mutating func lineReceived(_ line: String) -> OnLine {
    switch state {
    case .status: return statusReceived(line)
    case .body(let text, let isTextShown):
      guard line.isEmpty else {
        state = .body(text: text, isTextShown: true)
        return .show(line)
      }
      state = .ended(.success)
      // A command without a body has its answer in the status line.
      return isTextShown ? .end(.success) : .endShowing(text, .success)
    case .failed(let code, let text):
      guard line.isEmpty else { return .show(line) }
      let status = ExitStatus(adminCode: code)
      state = .ended(status)
      return .fail(text.isEmpty ? code : "\(code): \(text)", status)
    case .ended: return .broken
    }
  }

  private mutating func statusReceived(_ line: String) -> OnLine {
    let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
    let rest = words.count > 1 ? String(words[1]) : ""
    switch words.first {
    case "+OK":
      state = .body(text: rest, isTextShown: false)
      return .nothing
    case "-ERR":
      let parts = rest.split(separator: " ", maxSplits: 1)
      state = .failed(
        code: parts.first.map(String.init) ?? "", text: parts.count > 1 ? String(parts[1]) : "")
      return .nothing
    default: return .broken
    }
  }
}
