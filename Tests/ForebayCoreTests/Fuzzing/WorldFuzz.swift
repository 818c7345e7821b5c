import ForebayCore
import ForebayWire
import FuzzSupport

/// The simulator, steered by a fuzzer instead of a seed: one to three cores in a row, their clients,
/// upstreams and links, an operator, vandals. Whatever happens, no invariant breaks, every message
/// comes to its one true end, and every window opens again when the faults stop.
enum WorldFuzz: FuzzTarget {
  static let name = "world"
  private static let stepsMax = 60

  static func problem(with input: UnsafeRawBufferPointer) -> String? {
    var input = FuzzInput(input)
    // The stage is drawn from a number; the steps are read one by one, each of as many bytes.
    let seed = UInt64(input.short())
    var random = SplitMix64(seed: seed)
    var steps: [Step] = []
    let plan = Plan(seed: seed, &random)
    while !input.isEmpty, steps.count < stepsMax { steps.append(Step(input.take(6), plan)) }
    return Simulation.run(Script(plan, steps), listener: FuzzTrace.listener).failure?.text
  }
}

extension Script {
  fileprivate init(_ plan: Plan, _ steps: [Step]) {
    self.plan = plan
    self.steps = steps
  }
}

extension Step {
  fileprivate init(_ bytes: UnsafeRawBufferPointer, _ plan: Plan) {
    var input = FuzzInput(bytes)
    let kind = input.below(26)
    let which = Int(input.byte())
    switch kind {
    case 0...3: self = .offer(client: which, Offer(&input, plan))
    case 4, 5: self = .deliver(client: which, bytes: Self.size(input.short()))
    case 6: self = .answer(client: which)
    case 7, 8: self = .join(client: which)
    case 9: self = .hangUp(client: which)
    case 10: self = .takeOver(client: which)
    case 11: self = .bye(client: which)
    case 12: self = .stopReading(client: which)
    case 13, 14: self = .pass(milliseconds: 1 << UInt64(input.below(14)))
    case 15: self = .mood(daemon: which, route: input.below(4), Mood(&input))
    case 16: self = .loseUpstream(daemon: which, route: input.below(4))
    case 17:
      self = .breaker(
        daemon: which, route: input.below(4),
        input.pick([.forceOpen, .forceClosed, .automatic, .probeNow]))
    case 18:
      self = .command(
        daemon: which, route: input.below(4),
        input.pick([.pause, .hold, .resume, .withdraw, .restore]))
    case 19: self = .kill(client: which)
    case 20:
      let messages = UInt64(input.byte())
      self = .credit(client: which, messages: messages == 0 ? nil : messages)
    case 21: self = .reload(daemon: which, seed: UInt64(input.short()))
    case 22:
      self =
        input.flag()
        ? .restart(daemon: which)
        : .drain(daemon: which, milliseconds: UInt64(input.short()) % 4000)
    case 23, 24: self = .link(which, LinkStep(&input))
    default: self = .vandal(which % 3, seed: UInt64(input.word()))
    }
  }

  /// A size in bytes, or all there is.
  fileprivate static func size(_ number: UInt16) -> Int { number == 0 ? .max : Int(number) }
}

extension Step.Offer {
  fileprivate init(_ input: inout FuzzInput, _ plan: Plan) {
    count = 1 + input.below(64)
    let size = Int(input.short())
    let most = plan.daemons[0].limits.frameBytesMax - WireLimits.dataFixedBytes
    payloadBytes = size < 0xc000 ? size % min(most + 1, 300) : size % (most + 1)
    if count * payloadBytes > 200_000 { count = 2 }
    let manner = input.byte()
    lane = manner & 7
    level = [.default, .received, .delivered, .stored][Int(manner >> 3 & 3)]
    ttlMilliseconds = manner & 32 != 0 ? UInt32(1 + size % 4000) : 0
    isCritical = manner & 0xc0 == 0xc0
  }
}

extension Step.Mood {
  fileprivate init(_ input: inout FuzzInput) {
    let kind = input.below(7)
    let percent = UInt64(input.byte()) % 101
    switch kind {
    case 0: break
    case 1: fails = percent
    case 2: throttles = percent
    case 3: rejects = percent
    case 4: stalls = percent
    case 5: isDeaf = true
    default: delayMilliseconds = percent * 10
    }
  }
}

extension Step.LinkStep {
  fileprivate init(_ input: inout FuzzInput) {
    let kind = input.below(7)
    let size = Step.size(input.short() & 0x1fff)
    switch kind {
    case 0: self = .cut
    case 1: self = .cutAfter(bytes: size)
    case 2: self = .room(bytes: size)
    case 3: self = .chunk(bytes: size)
    case 4: self = .accepts(size & 3 != 0)
    case 5: self = .flows(size & 1 == 0)
    default: self = .move(bytes: size)
    }
  }
}
