package import ForebayCore

/// Somewhere that takes batches of messages and says what became of each batch.
///
/// It lives on the loop. `dispatch` never waits; its answer comes later, or at once, by
/// `UpstreamOwner.callSettled`, exactly once for each call. It keeps no queue of its own: what it was
/// given and hasn't answered is in flight, and the core bounds that.
package protocol Upstream: AnyObject {
  /// What it can do; the core plans by it.
  var traits: UpstreamTraits { get }
  /// Takes a copy of the call's frames. They are good only until it returns.
  func dispatch(_ call: UInt32, _ core: borrowing Sidecar)
  /// Ends it. Calls that are out are answered before it returns, or never.
  func close()
}

/// Who is told: the daemon.
package protocol UpstreamOwner: AnyObject {
  func callSettled(_ call: UInt32, _ verdict: CallVerdict)
  /// Something that an operator should know, for the log.
  func upstreamNoticed(_ text: String, isProblem: Bool)
}
