import ForebayCore
import ForebayWire

/// Situations that a simulation is worth nothing without. Those with a list of their own (why a window
/// was shut, how a connection ended, what became of a message) are counted by that list's values.
enum Mark: Int, CaseIterable {
  case reclaimCrossesData
  case takeoverWithHeldMessages
  case resumeWithReceipts
  case answeredAsDuplicate
  case maybeDelivered
  case probeByQuota
  case probeByFloor
  case probeFails
  case breakerCloses
  case recoveryRamps
  case staleWhileClosed
  case staleWhileOpen
  case staleWhileHalfOpen
  case staleWhileForcedOpen
  case staleWhileForcedClosed
  case classRatePauses
  case routeRateWaits
  case retryBudgetWaits
  case retryWithoutOrder
  case attemptTimesOut
  case verdictsOvertake
  case batchBisected
  case batchWaitsForMore
  case upstreamIsLost
  case upstreamThrottles
  case expiresInQueue
  case expiresOnLostLink
  case runMovesToHeap
  case frameWithBlockOfItsOwn
  case runSettlesInPart
  case runIsSplit
  case linkIsCut
  case linkIsCutInsideRun
  case linkIsShut
  case peerListsHeld
  case peerSaysGoAway
  case frameTooLargeForPeer
  case drainLeavesHeld
  case restart
  case reload
  case routeIsHeld
  case daemonIsRestored
  case clientWaitsForSpace
  case clientIsPutOff
  case verdictAfterClose
}

final class Marks {
  private var counts = Array(repeating: 0, count: Mark.allCases.count)
  private var shut = Array(repeating: 0, count: 256)
  private var outcomes = Array(repeating: 0, count: 256)
  private var closures = Array(repeating: 0, count: 256)
  private var openings = Array(repeating: 0, count: Marks.openReasons.count)

  func saw(_ mark: Mark, _ count: Int = 1) { counts[mark.rawValue] += count }
  func sawShut(_ reason: WindowReason) { shut[Int(reason.rawValue)] += 1 }
  func sawEnd(_ outcome: Outcome, _ count: Int = 1) { outcomes[Int(outcome.rawValue)] += count }
  func sawClosure(_ code: ErrorCode) { closures[Int(code.rawValue)] += 1 }

  func sawOpening(_ reason: BreakerReport.OpenReason) {
    for (index, each) in Self.openReasons.enumerated() where each == reason { openings[index] += 1 }
  }

  func count(_ mark: Mark) -> Int { counts[mark.rawValue] }

  func add(_ other: Marks) {
    for index in counts.indices { counts[index] += other.counts[index] }
    for index in openings.indices { openings[index] += other.openings[index] }
    for index in shut.indices {
      shut[index] += other.shut[index]
      outcomes[index] += other.outcomes[index]
      closures[index] += other.closures[index]
    }
  }

  // MARK: What must have been seen

  /// All that exist by now, but those of parts that aren't simulated.
  private static let reasons = WindowReason.allCases.filter {
    $0 != .none && $0 != .deadLettersBlocked
  }
  private static let ends: [Outcome] = [.delivered, .rejected, .expired, .dropped]
  private static let codes: [ErrorCode] = [
    .badMagic, .frameTooShort, .frameTooLarge, .unknownFrameType, .reservedBits, .helloExpected,
    .sequenceNotIncreasing, .flowControl, .helloRepeated, .sessionTaken, .helloTimeout,
    .frameTimeout, .reclaimTimeout, .slowReader, .controlFlood, .originMismatch, .shuttingDown,
    .heartbeatTimeout, .wrongDirection, .unknownRoute, .killed,
  ]

  /// All but that no probe succeeded for the whole of half-open: each has an answer within a second, and
  /// a failure ends it at once.
  private static let openReasons: [BreakerReport.OpenReason] = [
    .consecutiveFailures, .failureRate, .slowRate, .probeFailed, .probeUnanswered,
    .operatorCommand,
  ]

  /// Every situation with its count.
  var all: [(name: String, count: Int)] {
    Mark.allCases.map { ("\($0)", counts[$0.rawValue]) }
      + Self.reasons.map { ("shut: \($0)", shut[Int($0.rawValue)]) }
      + Self.ends.map { ("end: \($0)", outcomes[Int($0.rawValue)]) }
      + Self.codes.map { ("closed: \($0)", closures[Int($0.rawValue)]) }
      + zip(Self.openReasons, openings).map { ("opened: \($0)", $1) }
  }
}
