import ForebayWire
import Testing

@testable import ForebayCore

/// One window and the pool it is carved from, against a model that adds up everything anew.
@Suite struct CreditWindowTests {
  private let now = Instant(nanoseconds: 0)

  @Test func policesBothQuantities() {
    var window = CreditWindow()
    #expect(window.received(Cost(bytes: 1, messages: 0)) == .overCredit)
    window.grant(Cost(bytes: 100, messages: 2))
    #expect(window.received(Cost(bytes: 100, messages: 1)) == .withinCredit)
    #expect(window.received(Cost(bytes: 1, messages: 0)) == .overCredit)
    #expect(window.received(Cost(bytes: 0, messages: 2)) == .overCredit)
    #expect(window.received(Cost(bytes: 0, messages: 1)) == .withinCredit)
    #expect(window.open == .zero)
  }

  @Test func aReclaimCountsWhatWasOnItsWay() {
    var window = CreditWindow()
    window.grant(Cost(bytes: 1000, messages: 10))
    let asked = window.startReclaim(keeping: .zero, deadline: now)
    #expect(asked?.limit == .zero)
    #expect(window.startReclaim(keeping: .zero, deadline: now) == nil)
    // Sent before the client read RECLAIM: still within the old limit.
    #expect(window.received(Cost(bytes: 300, messages: 3)) == .withinCredit)
    #expect(window.reclaimed(number: 7) == .unexpected)
    #expect(window.reclaimed(number: asked!.number) == .returned(Cost(bytes: 700, messages: 7)))
    #expect(window.open == .zero)
    #expect(window.reclaim == nil)
  }

  @Test func nothingIsAskedBackWhereNothingIsUnused() {
    var window = CreditWindow()
    window.grant(Cost(bytes: 100, messages: 1))
    #expect(window.startReclaim(keeping: Cost(bytes: 100, messages: 1), deadline: now) == nil)
  }

  @Test func neverOverflowsWhateverHappens() {
    for seed in 1...60 as ClosedRange<UInt64> { run(seed) }
  }

  /// Many windows on one pool; grants, arrivals, settling, reclaims and disconnects at random.
  private func run(_ seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let capacity = Cost(bytes: 100_000, messages: 500)
    let reserve = Cost(bytes: 5_000, messages: 0)
    var pool = CreditPool(capacity: capacity, controlReserve: reserve)
    var windows = (0..<8).map { _ in CreditWindow() }
    var held = Array(repeating: Cost.zero, count: 8)
    var orphaned = Cost.zero
    func some(_ limit: Cost) -> Cost {
      Cost(
        bytes: random.next() % (limit.bytes + 1), messages: random.next() % (limit.messages + 1))
    }
    for step in 0..<2_000 {
      let client = Int(random.next() % 8)
      switch random.next() % 6 {
      case 0 where windows[client].reclaim == nil:
        let grant = some(pool.free)
        pool.grant(grant)
        windows[client].grant(grant)
      case 1, 2:
        let cost = some(windows[client].open)
        #expect(windows[client].received(cost) == .withinCredit)
        pool.hold(cost)
        held[client] += cost
      case 3:
        let cost = some(held[client])
        held[client] -= cost
        pool.release(cost)
      case 4:
        if let reclaim = windows[client].reclaim {
          if case .returned(let cost) = windows[client].reclaimed(number: reclaim.number) {
            pool.revoke(cost)
          }
        } else {
          _ = windows[client].startReclaim(keeping: some(windows[client].open), deadline: now)
        }
      case 5 where step % 50 == 0:
        pool.revoke(windows[client].open)
        windows[client] = CreditWindow()
        orphaned += held[client]
        held[client] = .zero
      default:
        pool.release(orphaned)
        orphaned = .zero
      }
      let open = windows.reduce(Cost.zero) { $0 + $1.open }
      let all = held.reduce(orphaned) { $0 + $1 }
      #expect(pool.open == open, "seed \(seed), step \(step)")
      #expect(pool.held == all, "seed \(seed), step \(step)")
      #expect((open + all + reserve).fits(in: capacity), "seed \(seed), step \(step)")
      #expect(pool.free == capacity - reserve - open - all, "seed \(seed), step \(step)")
      for window in windows { #expect(window.received.fits(in: window.limit)) }
    }
  }
}
