import ForebayWire
import Glibc

/// Why a client can't do what it was asked.
public struct ForebayError: Error, Sendable, CustomStringConvertible {
  /// An open set: later versions may add to it.
  public struct Code: Equatable, Sendable {
    private let kind: Kind
    private enum Kind: Sendable {
      case connect, permission, refused, protocolBroken, tooLarge, timeout, closed, invalid
    }
    /// The daemon can't be reached, and waiting won't help.
    public static let connect = Code(kind: .connect)
    /// The daemon, or the socket's file, doesn't let this user in.
    public static let permission = Code(kind: .permission)
    /// The daemon will not serve this client as it is: unknown route, or a session that another
    /// connection has taken.
    public static let refused = Code(kind: .refused)
    /// One side broke the protocol.
    public static let protocolBroken = Code(kind: .protocolBroken)
    /// The message is larger than the daemon takes.
    public static let tooLarge = Code(kind: .tooLarge)
    /// The given time passed first.
    public static let timeout = Code(kind: .timeout)
    /// The client is closed.
    public static let closed = Code(kind: .closed)
    /// An argument is out of its bounds.
    public static let invalid = Code(kind: .invalid)
  }

  public let code: Code
  /// What happened, for people.
  public let text: String
  /// Whether trying again may help.
  public var isRetriable: Bool { code == .timeout }

  public var description: String { text }
}

extension ForebayError {
  init(_ failure: ConnectFailure, path: String) {
    let isForbidden = failure == .permanent(EACCES) || failure == .permanent(EPERM)
    self.init(
      code: isForbidden ? .permission : .connect,
      text: "can't connect to \(path): \(failure.text)")
  }

  init(_ end: ConnectionEnd) {
    switch end {
    case .mistake(let mistake):
      self.init(code: .protocolBroken, text: "the daemon broke the protocol: \(mistake)")
    case .refused(.notPermitted, _), .drained(.notPermitted):
      self.init(code: .permission, text: end.text)
    case .refused(.unknownRoute, _), .refused(.sessionTaken, _):
      self.init(code: .refused, text: end.text)
    case .refused:
      self.init(code: .protocolBroken, text: end.text)
    case .drained, .welcomeTimeout, .heartbeatMissed, .saidBye:
      self.init(code: .connect, text: end.text)
    }
  }
}

extension ConnectionEnd {
  /// What people read.
  var text: String {
    switch self {
    case .mistake(let mistake): return "the daemon broke the protocol: \(mistake)"
    case .refused(let code, _):
      return "the daemon refused: \(code.map(\.wireName) ?? "a code of a newer version")"
    case .drained(let code):
      return "the daemon asked to leave: \(code.map(\.wireName) ?? "a code of a newer version")"
    case .welcomeTimeout: return "the daemon accepted the connection but doesn't answer"
    case .heartbeatMissed: return "the daemon fell silent"
    case .saidBye: return "the client said goodbye"
    }
  }
}
