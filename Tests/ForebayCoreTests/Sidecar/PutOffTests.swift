import ForebayWire
import Testing

@testable import ForebayCore

/// A turn writes and closes so many clients; the others have theirs next, in the order in which they came.
@Suite struct PutOffTests {
  /// The clients that one turn writes or closes.
  private func turn(_ harness: SidecarHarness) -> [ClientID] {
    harness.core.turnEnded(now: harness.now)
    var found: [ClientID] = []
    while let action = harness.core.nextAction() {
      switch action {
      case .writeClient(let id), .closeClient(let id, _): found.append(id)
      case .readOut, .connectLink, .closeLink, .writeLink, .dispatch, .giveUp, .drained: continue
      }
    }
    return found
  }

  /// A core can't be copied, so an expectation can't look into it.
  private func hasPutOff(_ harness: SidecarHarness) -> Bool { harness.core.hasPutOff }

  private func crowd(_ count: Int, _ harness: SidecarHarness) -> [ClientID] {
    let clients = (0..<count).map { TestClient(harness, user: UInt32($0)) }
    for client in clients { client.join() }
    return (0..<UInt32(harness.core.clients.end)).map { harness.core.clients[$0].id }
  }

  @Test func soManyAreWrittenATurnInTheOrderInWhichTheyCame() {
    let harness = SidecarHarness()
    let ids = crowd(7, harness)
    harness.core.clientsPerTurn = 3
    for id in ids { harness.core.oweWindow(id.slot) }
    #expect(turn(harness) == Array(ids[0..<3]))
    #expect(hasPutOff(harness))
    // Whoever comes now comes behind those that wait already.
    harness.core.oweWindow(ids[0].slot)
    #expect(turn(harness) == Array(ids[3..<6]))
    #expect(turn(harness) == [ids[6], ids[0]])
    #expect(!hasPutOff(harness))
    #expect(turn(harness) == [])
  }

  @Test func soManyAreClosedATurn() {
    let harness = SidecarHarness()
    let ids = crowd(5, harness)
    harness.core.clientsPerTurn = 2
    for id in ids { harness.core.close(id.slot, .shuttingDown) }
    #expect(turn(harness) == Array(ids[0..<2]))
    #expect(turn(harness) == Array(ids[2..<4]))
    // It left by itself meanwhile, and its place is another's: that one isn't closed for it.
    harness.core.clientClosed(ids[4], now: harness.now)
    let later = TestClient(harness, user: 9)
    later.join()
    #expect(later.lastWindow != nil && later.isConnected)
    #expect(!hasPutOff(harness))
  }
}
