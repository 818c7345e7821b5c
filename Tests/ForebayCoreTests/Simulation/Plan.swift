import ForebayCore
import ForebayWire

/// The stage on which a seed plays: one to three daemons in a row, their routes and limits, and the
/// clients. All of it is small, so that every limit is met.
struct Plan {
  let seed: UInt64
  var daemons: [Settings] = []
  var clients: [ClientPlan] = []

  struct ClientPlan {
    var daemon: Int
    var route: Int
    var user: UInt32
    var classIndex: Int
    var level: ReceiptLevel
    var isTCP: Bool
    var chunk: Int
    var deliversAtOnce: Bool
    var answersAtOnce: Bool
    /// It sends much and never says which receipts it has seen.
    var hoards: Bool
    /// It offers hundreds of messages at once.
    var isGreedy: Bool
    /// It offers no more than this.
    var messagesMax: Int
  }

  init(seed: UInt64, _ random: inout SplitMix64) {
    self.seed = seed
    let count = random.pick([1, 1, 1, 2, 2, 2, 3])
    let frameBytesMax = random.pick([256, 1024, 4096, 20_000, 70_000])
    for index in 0..<count {
      let isLast = index == count - 1
      let own = random.chance(80) ? frameBytesMax : random.pick([300, 3000, 30_000])
      daemons.append(settings(&random, frameBytesMax: own, hasPeer: !isLast))
    }
    for _ in 0..<(2 + random.below(7)) { clients.append(client(&random)) }
    if random.chance(12) { crowd(&random) }
  }

  /// Greedy clients of one user on one route, with windows that let them be: who comes first, and who
  /// next?
  private mutating func crowd(_ random: inout SplitMix64) {
    for index in clients.indices where random.chance(70) {
      clients[index].daemon = 0
      clients[index].route = 0
      clients[index].user = 1000
      clients[index].classIndex = Self.classIndex(ofUser: 1000)
      clients[index].isGreedy = true
      clients[index].messagesMax = 2000
    }
    daemons[0].routes[0].windowMessagesMax = random.pick([200, 1000])
    daemons[0].routes[0].bufferBytes *= 8
    daemons[0].routes[0].bufferMessages = max(2000, daemons[0].routes[0].bufferMessages)
  }

  // MARK: Daemons

  private func settings(
    _ random: inout SplitMix64, frameBytesMax: Int, hasPeer: Bool
  ) -> Settings {
    var settings = Settings(routes: [], classes: classes(&random))
    settings.limits.frameBytesMax = frameBytesMax
    settings.limits.overheadBytes = random.pick([64, 320])
    settings.limits.nurserySegments = Int(4 + random.below(5))
    settings.limits.heartbeat = .seconds(3)
    settings.limits.slowReaderTimeout = .seconds(4)
    settings.limits.controlFramesBurst = random.pick([200, 2000])
    let routes = random.pick([1, 1, 1, 2, 3])
    for index in 0..<routes {
      settings.routes.append(
        route(&random, index, isPeer: hasPeer && index == 0, settings.limits))
    }
    return settings
  }

  /// A principal's class follows from its user: see `classIndex(ofUser:)`.
  private func classes(_ random: inout SplitMix64) -> [ClassSettings] {
    var first = ClassSettings(name: "first")
    first.poolShare = random.pick([1, 4])
    var second = ClassSettings(name: "second")
    second.weight = 3
    second.lanes = random.chance(70) ? 0xff : 0b11
    if random.chance(25) {
      second.rate = RateLimit(messages: 300, per: .seconds(1), burst: 20)
    }
    return [first, second]
  }

  static func classIndex(ofUser user: UInt32) -> Int { user == 1001 ? 1 : 0 }

  private func route(
    _ random: inout SplitMix64, _ index: Int, isPeer: Bool, _ limits: Limits
  ) -> RouteSettings {
    var route = RouteSettings(name: "route-\(index)")
    route.upstream = traits(&random, isPeer: isPeer)
    route.isOrdered = isPeer || random.chance(75)
    route.windowMessagesMax = random.pick([1, 5, 50, 200, 1000])
    route.controlReserveBytes = random.pick([0, 4096])
    route.bufferMessages = 2 + random.below(random.pick([20, 400, 2000]))
    route.attemptTimeout = .seconds(2)
    if random.chance(20) {
      route.rate = RateLimit(messages: 200, per: .seconds(1), burst: 10 + random.below(50))
    }
    if random.chance(30) { route.laneWeights = [1, 4, 2, 1, 1, 1, 1, 8] }
    route.breaker = breaker(&random)
    route.backoff.base = .milliseconds(10)
    route.backoff.maximum = .milliseconds(500)
    if random.chance(30) { route.retryBudget = Self.smallBudget(&random) }
    let reserve = route.reserve(limits).bytes
    route.bufferBytes = 2 * reserve + route.controlReserveBytes + random.below(30) * reserve
    // The share of messages follows the bytes, and so does what is too few of them.
    route.bufferMessages = max(route.bufferMessages, route.reserve(limits).messages * 2)
    return route
  }

  private func traits(_ random: inout SplitMix64, isPeer: Bool) -> UpstreamTraits {
    var traits = UpstreamTraits()
    traits.kind = isPeer ? .peer : .batch
    traits.failsInOrder = random.chance(50)
    traits.batchMessagesMax = Int(1 + random.below(50))
    traits.callsMax = Int(1 + random.below(6))
    traits.connects = !isPeer && random.chance(50)
    if random.chance(40) { traits.flushInterval = .milliseconds(random.pick([1, 20, 200])) }
    traits.inFlightMessagesMax = isPeer ? 10_000 : Int(1 + random.below(150))
    traits.inFlightBytesMax = isPeer ? 64 << 20 : random.pick([5_000, 1 << 20])
    return traits
  }

  /// So few retries that some have to wait. The usual one allows a hundred in ten seconds whatever happens,
  /// and scenes as short as these seldom spend them.
  private static func smallBudget(_ random: inout SplitMix64) -> RetryBudgetSettings {
    var budget = RetryBudgetSettings()
    budget.percent = random.pick([0, 5, 20])
    budget.minimumPerSecond = 1 + random.below(3)
    budget.timeToLive = .seconds(random.pick([1, 3, 5]))
    return budget
  }

  /// Quick to open and to close, so that much happens in little time.
  private func breaker(_ random: inout SplitMix64) -> BreakerSettings {
    var breaker = BreakerSettings()
    breaker.baseWait = .milliseconds(100)
    breaker.maximumWait = .seconds(2)
    breaker.minimumHalfOpen = .milliseconds(200)
    breaker.maximumHalfOpen = .seconds(10)
    breaker.probeDeadline = .seconds(1)
    breaker.retryAfterMaximum = .seconds(2)
    breaker.healthyInterval = .seconds(1)
    if random.chance(30) { breaker.consecutiveFailures = 2 }
    if random.chance(30) { breaker.consecutiveFailures = 50 }
    if random.chance(30) {
      breaker.slowThreshold = .milliseconds(80)
      breaker.slowRatePercent = 30
    }
    breaker.minimumSamples = random.pick([5, 20])
    return breaker
  }

  /// What an operator may have made of a configuration. It isn't always a valid one.
  static func changed(_ old: Settings, _ random: inout SplitMix64) -> Settings {
    var settings = old
    for index in settings.routes.indices where random.chance(70) {
      let reserve = settings.routes[index].reserve(settings.limits).bytes
      settings.routes[index].bufferBytes =
        (2 + random.below(30)) * reserve + settings.routes[index].controlReserveBytes
      settings.routes[index].bufferMessages = 2 + random.below(random.pick([20, 400, 2000]))
      settings.routes[index].windowMessagesMax = random.pick([1, 5, 50, 200, 1000])
      settings.routes[index].rate =
        random.chance(80)
        ? nil : RateLimit(messages: 200, per: .seconds(1), burst: 10 + random.below(50))
      settings.routes[index].attemptTimeout = .milliseconds(random.pick([500, 2000, 4000]))
      settings.routes[index].breaker.consecutiveFailures = random.pick([1, 2, 5])
      settings.routes[index].retryBudget =
        random.chance(70) ? RetryBudgetSettings() : smallBudget(&random)
    }
    for index in settings.classes.indices where random.chance(50) {
      settings.classes[index].poolShare = random.pick([1, 4])
      settings.classes[index].weight = random.pick([1, 3])
      settings.classes[index].rate =
        random.chance(70) ? nil : RateLimit(messages: 300, per: .seconds(1), burst: 20)
    }
    settings.limits.heartbeat = .seconds(random.pick([2, 3, 5]))
    settings.limits.slowReaderTimeout = .seconds(random.pick([2, 4]))
    return settings
  }

  // MARK: Clients

  private func client(_ random: inout SplitMix64) -> ClientPlan {
    let daemon = random.chance(75) ? 0 : Int(random.below(UInt64(daemons.count)))
    let isAway = random.chance(25)
    let routes = daemons[daemon].routes.count
    let user = UInt32(1000 + random.below(3))
    let hoards = random.chance(10)
    return ClientPlan(
      daemon: daemon, route: isAway ? Int(random.below(UInt64(routes))) : 0, user: user,
      classIndex: Self.classIndex(ofUser: user),
      level: random.chance(40) ? .received : .delivered, isTCP: random.chance(20),
      chunk: random.chance(50) ? .max : Int(1 + random.below(3000)),
      deliversAtOnce: random.chance(60), answersAtOnce: random.chance(60),
      hoards: hoards, isGreedy: hoards, messagesMax: hoards ? 2500 : 150)
  }
}

extension SplitMix64 {
  mutating func below(_ bound: UInt64) -> UInt64 { bound == 0 ? 0 : next() % bound }
  mutating func chance(_ percent: UInt64) -> Bool { below(100) < percent }
  mutating func pick<Value>(_ values: [Value]) -> Value { values[Int(below(UInt64(values.count)))] }
}
