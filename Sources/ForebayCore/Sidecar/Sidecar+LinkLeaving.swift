import ForebayWire

// After the peer's GOAWAY: nothing is begun any more (W-11.2.1), what was begun is finished, and the
// link is kept until the peer owes no receipt.
extension Sidecar {
  /// What was admitted and not begun is as if it had never been: it cost no credit and was no attempt.
  /// It waits, where it stands in link order, to be admitted on the next link.
  mutating func withdrawUnwritten(_ route: UInt32) {
    var run = links[route].nextToWrite
    guard run != none else { return }
    if links[route].written > 0 {
      // A run whose first bytes are out is finished, or what follows on the link would be read as its
      // rest. One that the shell couldn't copy as a whole is a single large frame.
      run = store.runs[run].next
    } else {
      links[route].nextToWrite = none
    }
    let end = links[route].nextToAdmit
    guard run != end else { return }
    links[route].nextToAdmit = run
    while run != end {
      if !store.runs[run].isHeldByPeer {
        links[route].sent -= linkCost(run, route)
        forgetAttempt(run)
        if let token = store.runs[run].token {
          store.runs[run].token = nil
          routes[route].breaker.permitReturned(token)
        }
      }
      run = store.runs[run].next
    }
    links[route].firstUnanswered = firstWithToken(links[route].first)
  }

  /// An attempt of which no byte went out. Of an earlier one nobody knows how it ended.
  mutating func forgetAttempt(_ run: UInt32) {
    if store.runs[run].attempts > 0 { store.runs[run].attempts -= 1 }
    store.runs[run].isUnanswered = store.runs[run].attempts > 0
  }

  /// Ends the link once the peer owes nothing on it: at the same address may be a successor by then.
  /// Otherwise it ends soon after the peer's deadline: one that thinks better of its drain won't end it.
  mutating func leaveIfNothingIsOwed(_ route: UInt32) {
    guard !isOwedReceipts(route) else { return }
    actions.append(.closeLink(route, .peerLeaves))
  }

  /// Whether receipts are to come for what was written on this link, or for what the peer holds.
  private mutating func isOwedReceipts(_ route: UInt32) -> Bool {
    let waiting = links[route].nextToAdmit
    var run = links[route].first
    guard run == waiting else { return true }
    while run != none, !store.runs[run].isHeldByPeer { run = store.runs[run].next }
    return run != none
  }
}
