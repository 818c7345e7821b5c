import ForebayWire

// Clients of one principal share what it has. Whoever is shut for want of space is looked at once a turn,
// and the others leave to it what they have above an equal share:
//
//     share = max(r, Σ (open + held) of the short ones + what the principal may still have, ÷ their number)
extension Sidecar {
  /// A client that is shut for want of space is counted, and looked at in this pass: the others leave to
  /// it what they have above an equal share.
  mutating func noteShort(_ client: UInt32, of principal: UInt32) {
    guard !clients[client].isWaiting, clients[client].reason.isShortage else { return }
    clients[client].shortInPass = grantingPass
    principals[principal].short += 1
    principals[principal].shortStanding += standing(client)
    markDirty(client)
  }

  mutating func standing(_ client: UInt32) -> Cost {
    clients[client].window.open + sessions[clients[client].session].held
  }

  /// What each of those clients of a principal may have that find too little, while one besides `client`
  /// does. Space returns to whose messages were settled, so without it those who came first would keep
  /// the larger windows.
  mutating func equalShare(
    _ client: UInt32, _ principal: UInt32, _ space: Cost, _ route: UInt32
  ) -> Cost? {
    guard principals[principal].pass == grantingPass, principals[principal].short > 0,
      !planted(.equalShareIgnored)
    else { return nil }
    if clients[client].shortInPass == grantingPass {
      return principals[principal].short > 1 ? shortShare(principal, route) : nil
    }
    let all = principals[principal].shortStanding + standing(client) + space
    return (all / (principals[principal].short + 1)).greater(routes[route].reserve)
  }

  private mutating func shortShare(_ principal: UInt32, _ route: UInt32) -> Cost {
    if let share = principals[principal].shortShare { return share }
    let all = principals[principal].shortStanding + allowance(ofPrincipal: principal, route)
    let share = (all / principals[principal].short).greater(routes[route].reserve)
    principals[principal].shortShare = share
    return share
  }

  /// A client that is shut, holds messages, and lacks less than a quarter of its equal share. Windows of
  /// a few messages cost each a read, a receipt and a WINDOW; its own messages will be settled, and then
  /// it lacks more.
  ///
  /// Source: the silly window, RFC 813, section 4.
  mutating func waitsForMore(_ client: UInt32, _ route: UInt32) -> Bool {
    let principal = clients[client].principal
    guard clients[client].shortInPass == grantingPass, principals[principal].short > 1,
      sessions[clients[client].session].held.messages > 0, intakeStop(route) == nil,
      clients[client].window.reclaim == nil
    else { return false }
    let share = shortShare(principal, route)
    let lacking = share.above(standing(client))
    return clients[client].window.open.messages == 0
      ? lacking.messages < share.messages / 4 : lacking.bytes < share.bytes / 4
  }
}

extension WindowReason {
  /// Shut for want of space, which others may have.
  fileprivate var isShortage: Bool {
    switch self {
    case .bufferFull, .fairShare: true
    case .none, .breakerOpen, .rateLimited, .draining, .windowMaximum, .receiptsUnseen,
      .reclaiming, .paused, .deadLettersBlocked:
      false
    }
  }
}
