import Glibc

/// How a command ended: 0, 1, or one of sysexits.h, so that scripts can tell what to do next.
enum ExitStatus: Int32, Sendable {
  case success = 0
  /// It worked, but the answer isn't what one hopes for: a message wasn't delivered, a check failed.
  case bad = 1
  case usage = 64
  /// A line that can't be sent.
  case badInput = 65
  case noInput = 66
  /// The daemon can't be reached, or won't serve us.
  case unavailable = 69
  /// A mistake of the daemon, or of ours.
  case software = 70
  case inputOutput = 74
  case timeout = 75
  case protocolBroken = 76
  case noPermission = 77
  case configuration = 78
  case interrupted = 130
  case terminated = 143

  /// For the code of an admin reply, `-ERR CODE text`.
  init(adminCode code: some StringProtocol) {
    switch code {
    case "UNKNOWN_COMMAND", "USAGE", "LINE_TOO_LONG": self = .usage
    case "BAD_VALUE", "NOT_FOUND": self = .badInput
    case "UNAVAILABLE": self = .unavailable
    case "INTERNAL": self = .software
    case "TIMEOUT", "CANCELLED", "BUSY": self = .timeout
    case "PERMISSION": self = .noPermission
    case "CONFIG": self = .configuration
    // NOT_READY, and whatever later daemons say.
    default: self = .bad
    }
  }
}

/// Writes all of `text`; what a reader that went away doesn't take is lost, as with any program.
func write(_ text: String, to descriptor: Int32) {
  var rest = Array(text.utf8)[...]
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    if count < 0 {
      if errno == EINTR { continue }
      return
    }
    rest = rest.dropFirst(count)
  }
}

/// Says on standard error what went wrong.
func complain(_ text: String) { write("forebayctl: \(text)\n", to: STDERR_FILENO) }
