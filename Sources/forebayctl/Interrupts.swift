import Glibc
import Synchronization

/// Turns SIGINT and SIGTERM into a question that the main loop asks. A second signal ends the
/// program at once, as ever.
enum Interrupts {
  private static let caught = Atomic<Int32>(0)

  static func catchSignals() {
    for signal in [SIGINT, SIGTERM] {
      var action = sigaction()
      action.__sigaction_handler.sa_handler = handler
      // Without SA_RESTART: a waiting poll(2) returns, and the loop can ask.
      action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND))
      sigaction(signal, &action, nil)
    }
  }

  private static let handler: @convention(c) (Int32) -> Void = { signal in
    caught.store(signal, ordering: .relaxed)
  }

  /// The exit status of the signal that came, if one did.
  static var status: ExitStatus? {
    switch caught.load(ordering: .relaxed) {
    case SIGINT: return .interrupted
    case SIGTERM: return .terminated
    default: return nil
    }
  }
}
