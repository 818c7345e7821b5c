import ForebayCore

/// A codec's end of one connection, without its socket: what it is sent is put into `output`, what it says
/// comes in by `received`, what that means goes out as events. `SessionUpstream` joins it with a
/// `ByteStream`.
protocol UpstreamSession: ~Copyable {
  /// TLS begins when the session says `.secure`, and not with the connection.
  static var beginsInPlain: Bool { get }
  /// What to look for where a server took calls and never answered one.
  static var silenceAdvice: String? { get }
  /// The connection stands: says who we are. Where it begins in plain, once more when TLS stands.
  mutating func opened(isSecured: Bool, _ output: inout OutputQueue)
  /// Appends a call's messages. What it knows at once of some is told by the events.
  mutating func dispatch(_ call: UInt32, _ core: borrowing Sidecar, _ output: inout OutputQueue)
  mutating func received(_ bytes: UnsafeRawBufferPointer, _ output: inout OutputQueue)
  /// How often, once it is ready, it wants to be asked whether there was traffic; nil: never.
  var tickMilliseconds: UInt64? { get }
  mutating func ticked(hasRead: Bool, hasWritten: Bool, _ output: inout OutputQueue)
  /// Takes leave, if the server would understand it.
  mutating func goodbye(_ output: inout OutputQueue)
  /// The connection is over, with all that was out.
  mutating func closed()
  /// Gives what there is for an empty array.
  mutating func takeEvents(_ empty: inout [SessionEvent])
}

extension UpstreamSession where Self: ~Copyable {
  static var beginsInPlain: Bool { false }
  static var silenceAdvice: String? { nil }
  var tickMilliseconds: UInt64? { nil }
  mutating func ticked(hasRead: Bool, hasWritten: Bool, _ output: inout OutputQueue) {}
  mutating func goodbye(_ output: inout OutputQueue) {}
}

/// What a session makes of what a server says.
enum SessionEvent: Equatable {
  /// Begin TLS; `opened` follows when it stands.
  case secure
  /// It takes calls.
  case ready
  case messages(call: UInt32, Range<Int>, MessageVerdict)
  case call(UInt32, CallVerdict)
  /// The server takes nothing for now, or again.
  case paused(Bool)
  /// The servers of its cluster, as `host:port`.
  case others([String])
  /// The server ends soon, and still answers.
  case leaving
  /// Something that an operator should know.
  case noticed(String, isProblem: Bool)
  /// Close the connection; the last event. `isThrottle`: the server isn't down, it says "later".
  case close(String, isThrottle: Bool)
}

/// What a server complains of: its words, and what to do about it.
protocol Complaint {
  var text: String { get }
  var advice: String? { get }
}

extension Complaint {
  /// For the log: `OOM … (its memory is full …)`.
  var textWithAdvice: String { text + (advice.map { " (\($0))" } ?? "") }
  func said(by server: String) -> String { "\(server) says: \(textWithAdvice)" }
}
