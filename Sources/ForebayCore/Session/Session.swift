import ForebayWire

/// A client's life across reconnects, or, on a peer link, one of the origins behind the peer.
struct Session: ~Copyable {
  enum Kind: Equatable {
    case client
    /// The link itself: its sequences are the link's, its messages belong to origins.
    case link
    /// Whose messages came over a link; known by its tag, reached through the link.
    case origin
  }

  let id: ID128
  let kind: Kind
  let principal: UInt32
  let route: UInt32
  /// What the upstream knows the session by: nobody can claim another's messages.
  let tag: ID128
  /// The connection, where there is one.
  var client = none
  /// A newer connection that waits until the present one is read out.
  var successor = none
  var level = ReceiptLevel.delivered
  /// The highest sequence received.
  var highest: UInt64 = 0
  /// Settled messages above the client's floor.
  var outcomes = OutcomeLog()
  /// Messages of this receiver that are held.
  var held = Cost.zero
  /// Messages whose sequences are this owner's and that are held: what a resend may meet.
  var heldRuns = none
  /// Messages held for it as owner.
  var ownedMessages: UInt64 = 0
  /// The session's flows, one a lane, chained by `nextOfSession`.
  var flows = none

  /// Connections that still refer to it: those that are closing, those whose next frames are its own.
  var pins = 0

  /// Nothing is held, and nothing is settled that its client may not have seen.
  var isForgettable: Bool {
    !isHolding && (outcomes.isEmpty || planted(.sessionForgottenTooSoon))
  }
  var isHolding: Bool { held.messages > 0 || ownedMessages > 0 || pins > 0 }

  /// The tag for `id` under `principal`: the first half of a hash, the same after a restart. A client's
  /// session and a link's origin never have the same one, whatever numbers they choose: an upstream would
  /// take their messages for each other's.
  static func tag(of principal: PrincipalKey, _ id: ID128, isOrigin: Bool = false) -> ID128 {
    let kind = isOrigin ? "forebay origin tag 1" : "forebay session tag 1"
    var text: [UInt8] = Array(kind.utf8)
    for word in [UInt64(principal.listener) << 32 | UInt64(principal.user), id.high, id.low] {
      for shift in stride(from: 56, through: 0, by: -8) {
        text.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
      }
    }
    let digest = SHA256.digest(text)
    return digest.withUnsafeBytes {
      ID128(high: $0.baseAddress!.big64(0), low: $0.baseAddress!.big64(8))
    }
  }
}
