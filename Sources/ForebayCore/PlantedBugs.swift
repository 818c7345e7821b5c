// Mistakes that the simulator has to find, or it proves nothing: `make planted`, docs/simulation.md.
//
// They exist only in a build with the package trait PlantedBugs. Without it `planted` is a constant,
// and the compiler removes what it guards.

#if PlantedBugs
  /// The one bug that the core has now, for whoever simulates it. Nil: it has none of these.
  nonisolated(unsafe) var plantedBug: PlantedBug?

  @inline(__always) func planted(_ bug: PlantedBug) -> Bool { plantedBug == bug }
#else
  @inline(__always) func planted(_ bug: PlantedBug) -> Bool { false }
#endif

enum PlantedBug: String, CaseIterable {
  // Credit.
  case creditLeaksOnDisconnect = "unused credit of a lost connection isn't returned to the route"
  case windowCountedTwice = "what a client sends is counted twice against its window"
  case creditIsNotPoliced = "what a client sends beyond its credit is taken"
  case shrinkIsOneSided = "a lower limit binds from the RECLAIM on, not from its answer on"
  case reclaimIgnoresInFlight = "an answered RECLAIM forgets what was under way when it was asked"
  case openingIsNotTold = "a shut client isn't told that its window has opened"
  case shutWindowIsNotRepeated = "a shut window isn't repeated to a client that has data waiting"
  case fairShareIgnored = "a user may be granted all that is free"
  case equalShareIgnored = "a client is given what others of its user that are shut lack"
  case lineServedFromItsEnd = "of clients that wait, the last one comes first"
  case windowMaximumIgnored = "a window grows beyond its maximum"
  case unseenIsUnbounded = "a client that never says SEEN gets credit for ever"
  case idleCreditIsKept = "nobody is asked for credit that it doesn't use"
  case pauseStillGrants = "a paused route grants credit"
  case pauseDoesNotReopen = "a route that is resumed stays paused"

  // Settling.
  case refundMissingForExpired = "the space of expired messages isn't returned"
  case outcomeToldTwice = "a final outcome is told twice"
  case maybeDeliveredUntold = "an outcome doesn't say that the upstream may have the message"
  case partialVerdictSettlesAll = "a peer's receipt for a part of a run settles all of it"
  case receiptsLostOnResume = "outcomes that a resuming client hasn't seen are forgotten"
  case heldNotListed = "a resuming client isn't told what is held of it"
  case sessionForgottenTooSoon = "a session is forgotten while its outcomes are unseen"
  case drainDoesNotWait = "a drain ends at once, whatever is held"
  case drainForgetsHeld = "a drain ends without a word on messages that were receipted as received"

  // Scheduling.
  case retryGoesLast = "a message to be tried again goes behind those accepted later"
  case retryWithoutBackoff = "what failed is tried again at once"
  case twoCallsOfOneClient =
    "an ordered client has two calls out at an upstream that keeps no order"
  case queueSkipsAClient = "the round robin passes over one client while others have messages"
  case inFlightLimitIgnored = "more messages are in flight than the upstream allows"
  case limiterRefundsWhatItTakes = "the rate limiter gives its tokens back"
  case holdStillDispatches = "a route on hold goes on forwarding"

  // Breaker.
  case livenessFloorRemoved = "without new messages nothing probes"
  case probeQuotaIgnored = "half-open, probes go whenever they can"
  case closesAfterOneSuccess = "one success closes the breaker"
  case neverHalfOpen = "the breaker stays open"
  case staleResultCounts = "a result of an earlier generation counts"
  case openBreakerDispatches = "calls go out while the breaker is open"
  case recoveryUnlimited = "after the breaker has closed everything goes at once"

  // Connections, links, memory.
  case connectionGenerationIgnored =
    "a late event of a closed connection meets the next one in its slot"
  case frameDeadlineMovesOn = "a frame's deadline starts anew with each of its bytes"
  case originDedupeForgotten = "what a peer sends again is taken as new"
  case goAwayIgnored = "the link goes on sending after the peer's GOAWAY"
  case memoryCountedShort = "four bytes a run are missing from the nursery's count"
  case partialFrameLeaks = "what has come of a frame stays in memory when its client is lost"
}
