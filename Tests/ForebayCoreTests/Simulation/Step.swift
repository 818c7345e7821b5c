import ForebayCore
import ForebayWire

/// One thing that happens from outside. A step is a value that needs no other, so that a failing list
/// of them can be made shorter by leaving some out. Numbers of clients, daemons, routes, links and
/// vandals count round.
enum Step {
  case offer(client: Int, Offer)
  /// The daemon reads so many bytes of what the client has written.
  case deliver(client: Int, bytes: Int)
  /// The client does what it has put off.
  case answer(client: Int)
  case join(client: Int)
  case hangUp(client: Int)
  /// It comes back while its old connection still stands, with bytes that nobody has read.
  case takeOver(client: Int)
  case bye(client: Int)
  /// Its process is stopped, or goes on.
  case stopReading(client: Int)
  case pass(milliseconds: UInt64)
  case mood(daemon: Int, route: Int, Mood)
  /// The upstream's connection breaks: every call that is out fails.
  case loseUpstream(daemon: Int, route: Int)
  case breaker(daemon: Int, route: Int, Breaker.OperatorCommand)
  case command(daemon: Int, route: Int, Command)
  case kill(client: Int)
  /// The most that a client may have unsettled; nil for the route's own.
  case credit(client: Int, messages: UInt64?)
  /// Another configuration, drawn from the seed.
  case reload(daemon: Int, seed: UInt64)
  case drain(daemon: Int, milliseconds: UInt64)
  /// It is killed and comes back with nothing.
  case restart(daemon: Int)
  case link(Int, LinkStep)
  /// A connection that says anything at all, as the seed wants it.
  case vandal(Int, seed: UInt64)

  struct Offer {
    var count = 1
    var payloadBytes = 16
    var lane: UInt8 = 0
    var ttlMilliseconds: UInt32 = 0
    var level = ReceiptLevel.default
    /// With an extension that the daemon must understand and doesn't.
    var isCritical = false
  }

  /// How an upstream is at present, in percent.
  struct Mood {
    var fails: UInt64 = 0
    var throttles: UInt64 = 0
    var rejects: UInt64 = 0
    /// Every so many-th message is refused for ever, and what is with it; zero for none.
    var poison: UInt64 = 0
    /// Answers come after the attempt has timed out.
    var stalls: UInt64 = 0
    /// No answer comes before the faults stop.
    var isDeaf = false
    var delayMilliseconds: UInt64 = 20
  }

  enum Command {
    case pause
    case hold
    case resume
    case withdraw
    case restore
  }

  enum LinkStep {
    case cut
    /// Cut when so many more bytes have gone forward.
    case cutAfter(bytes: Int)
    /// What the near daemon's socket takes.
    case room(bytes: Int)
    /// The size of one read.
    case chunk(bytes: Int)
    case accepts(Bool)
    /// Bytes move by themselves, or only as `move` says.
    case flows(Bool)
    case move(bytes: Int)
  }
}

/// What a seed makes happen. Each seed has its own emphasis: some kinds of steps are frequent in one
/// and missing in another, or rare combinations would never come about.
struct Script {
  let plan: Plan
  var steps: [Step]

  init(seed: UInt64, steps count: Int = 250) {
    var random = SplitMix64(seed: seed)
    plan = Plan(seed: seed, &random)
    let kinds = Self.kinds.map { kind in
      (kind.draw, kind.isConstant ? kind.weight : kind.weight * random.pick([0, 1, 1, 4]))
    }
    let total = kinds.reduce(0) { $0 + $1.1 }
    steps = []
    for _ in 0..<count {
      var place = random.below(total)
      for (draw, weight) in kinds {
        if place < weight {
          steps.append(draw(&random, plan))
          break
        }
        place -= weight
      }
    }
  }

  private struct Kind: Sendable {
    let weight: UInt64
    var isConstant = false
    let draw: @Sendable (inout SplitMix64, Plan) -> Step
  }

  private static let kinds: [Kind] = [
    Kind(weight: 220, isConstant: true) { random, plan in
      .offer(client: random.any, offer(&random, plan))
    },
    Kind(weight: 160) { random, _ in
      .deliver(client: random.any, bytes: random.chance(50) ? .max : Int(random.below(5000)))
    },
    Kind(weight: 80) { random, _ in .answer(client: random.any) },
    Kind(weight: 70, isConstant: true) { random, _ in .join(client: random.any) },
    Kind(weight: 15) { random, _ in .hangUp(client: random.any) },
    Kind(weight: 15) { random, _ in .takeOver(client: random.any) },
    Kind(weight: 10) { random, _ in .bye(client: random.any) },
    Kind(weight: 12) { random, _ in .stopReading(client: random.any) },
    Kind(weight: 180, isConstant: true) { random, _ in
      .pass(milliseconds: 1 << random.below(random.chance(10) ? 14 : 11))
    },
    Kind(weight: 40) { random, _ in
      .mood(daemon: random.any, route: random.rarelyAny, mood(&random))
    },
    Kind(weight: 10) { random, _ in .loseUpstream(daemon: random.any, route: random.rarelyAny) },
    Kind(weight: 25) { random, _ in
      .breaker(
        daemon: random.any, route: random.rarelyAny,
        random.pick([.forceOpen, .forceClosed, .automatic, .automatic, .probeNow]))
    },
    Kind(weight: 20) { random, _ in
      .command(
        daemon: random.any, route: random.rarelyAny,
        random.pick([.pause, .hold, .resume, .resume, .withdraw, .restore, .restore]))
    },
    Kind(weight: 4) { random, _ in .kill(client: random.any) },
    Kind(weight: 6) { random, _ in
      .credit(client: random.any, messages: random.chance(30) ? nil : 1 + random.below(40))
    },
    Kind(weight: 8) { random, _ in .reload(daemon: random.any, seed: random.next()) },
    Kind(weight: 4) { random, _ in .drain(daemon: random.any, milliseconds: random.below(4000)) },
    Kind(weight: 2) { random, _ in .restart(daemon: random.any) },
    Kind(weight: 110) { random, _ in .link(random.any, linkStep(&random)) },
    Kind(weight: 45) { random, _ in .vandal(Int(random.below(3)), seed: random.next()) },
  ]

  private static func offer(_ random: inout SplitMix64, _ plan: Plan) -> Step.Offer {
    let most = UInt64(plan.daemons[0].limits.frameBytesMax - WireLimits.dataFixedBytes)
    var offer = Step.Offer()
    let isLarge = random.chance(10)
    offer.payloadBytes = Int(isLarge ? random.below(most + 1) : random.below(min(most, 300) + 1))
    offer.count = random.pick([1, 2, 3, 5, 10, Int(1 + random.below(60)), 300])
    if offer.count * offer.payloadBytes > 400_000 { offer.count = 3 }
    offer.lane = random.chance(70) ? 0 : UInt8(random.below(8))
    offer.ttlMilliseconds = random.chance(15) ? UInt32(1 + random.below(4000)) : 0
    offer.level = random.chance(85) ? .default : random.pick([.received, .delivered, .stored])
    offer.isCritical = random.chance(3)
    return offer
  }

  private static func mood(_ random: inout SplitMix64) -> Step.Mood {
    var mood = Step.Mood()
    switch random.below(9) {
    case 0: mood.fails = 100
    case 1: mood.fails = 30
    case 2: mood.throttles = 50
    case 3: mood.rejects = 20
    case 4: mood.stalls = 50
    case 5: mood.isDeaf = true
    case 6: mood.delayMilliseconds = 300
    case 7: mood.poison = 1 + random.below(20)
    default: break
    }
    return mood
  }

  private static func linkStep(_ random: inout SplitMix64) -> Step.LinkStep {
    switch random.below(20) {
    case 0: .cut
    case 1, 2: .cutAfter(bytes: Int(random.below(6000)))
    case 3, 4: .room(bytes: random.chance(50) ? .max : Int(random.below(4000)))
    case 5, 6: .chunk(bytes: random.chance(50) ? .max : Int(1 + random.below(2000)))
    case 7: .accepts(random.chance(70))
    case 8, 9: .flows(random.chance(60))
    default: .move(bytes: Int(1 + random.below(8000)))
    }
  }
}

extension SplitMix64 {
  fileprivate var any: Int {
    mutating get { Int(below(64)) }
  }
  /// The first one, mostly: what happens there matters to most.
  fileprivate var rarelyAny: Int {
    mutating get { chance(75) ? 0 : any }
  }
}
