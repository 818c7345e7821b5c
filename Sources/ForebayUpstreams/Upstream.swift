package import ForebayCore
package import ForebayUV

/// Somewhere that takes batches of messages and says what became of them. README.md beside this file has
/// the whole contract.
///
/// It lives on the loop and never waits. It keeps no queue of its own: what it was given and hasn't
/// answered is in flight, and the core bounds that.
package protocol Upstream: AnyObject {
  /// What it can do; the core plans by it.
  var traits: UpstreamTraits { get }
  /// Takes a copy of the call's frames, which are good only until it returns. It tells the owner nothing
  /// from in here: the core is lent to it.
  func dispatch(_ call: UInt32, _ core: borrowing Sidecar)
  /// After the calls of a turn: writes them.
  func flush()
  /// Begins to connect, and has until `deadline`. Asked only of those with `traits.connects`.
  func connect(until deadline: Instant)
  /// Ends the connection; `upstreamClosed` follows, as for every other end.
  func disconnect(_ reason: String)
  /// A call's time is over: it isn't waited for any longer, and is settled as soon as that can be. Asked
  /// only of those without `traits.connects`; the call may have been settled already.
  func giveUp(_ call: UInt32)
  /// Ends it. Calls that are out are answered before it returns, or never.
  func close()
}

/// For upstreams that bring no connection that the core decides about.
extension Upstream {
  package func flush() {}
  package func connect(until deadline: Instant) {}
  package func disconnect(_ reason: String) {}
  package func giveUp(_ call: UInt32) {}
}

/// Who is told: the daemon.
package protocol UpstreamOwner: AnyObject {
  /// A callback begins that may take long, for the watch over callbacks: else it counts as part of the one before.
  func upstreamCallbackBegan()
  /// Ready for calls. `security` names what it is encrypted with, if it is.
  func upstreamConnected(_ route: UInt32, _ security: String?)
  /// The connect failed or the connection ended, with all that was out.
  func upstreamClosed(_ route: UInt32, _ loss: UpstreamLoss)
  /// So much waits to be written that no more calls should come, or no longer.
  func upstreamBusy(_ route: UInt32, _ isBusy: Bool)
  /// It says "slow down" and takes what it was given all the same: no call has that for its verdict.
  func upstreamThrottled(_ route: UInt32, retryAfter: TimeSpan?)
  /// It says itself that it takes nothing for now, or again. What is out waits with it, without a timeout.
  func upstreamPaused(_ route: UInt32, _ isPaused: Bool)
  /// Some messages of a call, counted from its first, before the rest. Each at most once.
  func messagesSettled(_ call: UInt32, _ messages: Range<Int>, _ verdict: MessageVerdict)
  /// All that is left of a call: exactly once for each, but for those that `upstreamClosed` took along.
  func callSettled(_ call: UInt32, _ verdict: CallVerdict)
  /// Something that an operator should know, for the log.
  func upstreamNoticed(_ route: UInt32, _ text: String, isProblem: Bool)
}

/// How a connection was lost.
package struct UpstreamLoss: Equatable {
  /// In words.
  package var reason: String
  /// In one word.
  package var label: String
  package var retryAfter: TimeSpan?
  /// It isn't down, it says "later".
  package var isThrottle: Bool
}

/// Where an upstream is put: all that it is given besides its own options.
package struct UpstreamPlace {
  package var route: UInt32
  package var routeName: String
  package var isOrdered: Bool
  package var frameBytesMax: Int
  package var loop: Loop
  package var owner: any UpstreamOwner

  package init(
    route: UInt32, routeName: String, isOrdered: Bool, frameBytesMax: Int, loop: Loop,
    owner: any UpstreamOwner
  ) {
    self.route = route
    self.routeName = routeName
    self.isOrdered = isOrdered
    self.frameBytesMax = frameBytesMax
    self.loop = loop
    self.owner = owner
  }
}
