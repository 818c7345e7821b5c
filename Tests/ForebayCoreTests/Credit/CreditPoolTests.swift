import Testing

@testable import ForebayCore

@Suite struct CreditPoolTests {
  private static func cost(_ count: UInt64) -> Cost { Cost(bytes: count * 100, messages: count) }

  private static func pool(_ messages: UInt64, reserve: UInt64 = 0) -> CreditPool {
    CreditPool(capacity: cost(messages), controlReserve: Cost(bytes: reserve))
  }

  @Test func whatIsOpenOrHeldOrReservedIsNotFree() {
    var pool = Self.pool(10, reserve: 150)
    #expect(pool.free == Cost(bytes: 850, messages: 10))
    pool.grant(Self.cost(5))
    pool.hold(Self.cost(2))
    #expect(pool.open == Self.cost(3))
    #expect(pool.held == Self.cost(2))
    #expect(pool.free == Cost(bytes: 350, messages: 5))
    pool.revoke(Self.cost(1))
    pool.release(Self.cost(2))
    #expect(pool.free == Cost(bytes: 650, messages: 8))
    #expect(pool.heldPeak == Self.cost(2))
  }

  @Test func aSmallerCapacityTakesEffectAsSpaceReturns() {
    var pool = Self.pool(10)
    pool.grant(Self.cost(10))
    pool.hold(Self.cost(6))
    pool.resize(to: Self.cost(3), controlReserve: .zero)
    #expect(pool.free == .zero)
    #expect(pool.excess == Self.cost(7))
    pool.revoke(Self.cost(2))
    #expect(pool.excess == Self.cost(5))
    pool.hold(Self.cost(2))
    #expect(pool.excess == Self.cost(5), "what is used was promised")
    pool.release(Self.cost(6))
    #expect(pool.excess == .zero)
    #expect(pool.free == Self.cost(1))
    pool.grant(Self.cost(1))
    #expect(pool.excess == .zero)
  }

  @Test func aLargerCapacityIsThereAtOnce() {
    var pool = Self.pool(10)
    pool.grant(Self.cost(10))
    pool.resize(to: Self.cost(4), controlReserve: .zero)
    pool.resize(to: Self.cost(12), controlReserve: Cost(bytes: 50))
    #expect(pool.excess == .zero)
    #expect(pool.free == Cost(bytes: 150, messages: 2))
  }

  @Test func theTwoQuantitiesShrinkEachForItself() {
    var pool = CreditPool(capacity: Cost(bytes: 1000, messages: 10), controlReserve: .zero)
    pool.grant(Cost(bytes: 900, messages: 2))
    pool.resize(to: Cost(bytes: 500, messages: 5), controlReserve: .zero)
    #expect(pool.excess == Cost(bytes: 400, messages: 0))
    #expect(pool.free == Cost(bytes: 0, messages: 3))
  }
}
