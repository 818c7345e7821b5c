package import ForebayWire

/// What the shell must do. It performs each and decides nothing.
package enum Action: Equatable, Sendable {
  /// Take the client's output and write it.
  case writeClient(ClientID)
  /// Write what is pending, then close the connection and report `clientClosed`.
  case closeClient(ClientID, ErrorCode?)
  /// Read the connection until it has nothing more, then report `clientReadOut`.
  case readOut(ClientID)
  /// Connect the route's peer link, or its upstream.
  case connectLink(UInt32)
  /// Close the route's peer link, or the connection of its upstream, and report `linkClosed` or
  /// `upstreamClosed`.
  case closeLink(UInt32, LinkEnding)
  /// Gather the link's output and write it.
  case writeLink(UInt32)
  /// Hand the call's frames to the route's upstream.
  case dispatch(route: UInt32, call: UInt32)
  /// Stop waiting for a call's answer, where the upstream has no connection that goes with it, and
  /// settle it. It may have been settled meanwhile: then there is nothing to do.
  case giveUp(route: UInt32, call: UInt32)
  /// The drain is over: nothing is held, or its deadline has passed.
  case drained
}

/// Why we close a link or an upstream's connection.
package enum LinkEnding: Equatable, Sendable {
  /// It has left a connect, a greeting or a message without an answer for too long.
  case unanswered
  /// The peer said GOAWAY, and all that it owed has come, or its own deadline has passed.
  case peerLeaves
}

/// Actions in order, in one array that is used again and again.
struct ActionQueue: ~Copyable {
  private var actions: [Action] = []
  private var head = 0

  init() { actions.reserveCapacity(256) }

  var isEmpty: Bool { head == actions.count }

  mutating func append(_ action: Action) { actions.append(action) }

  mutating func next() -> Action? {
    guard head < actions.count else {
      if head > 0 { actions.removeAll(keepingCapacity: true) }
      head = 0
      return nil
    }
    head += 1
    return actions[head - 1]
  }
}
