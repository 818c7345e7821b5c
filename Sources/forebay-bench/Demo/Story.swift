import ForebayCore
import ForebayWire

/// The script. Each step goes on when what it waits for is seen, so a slow machine only makes it longer.
struct Story {
  let stage: Stage

  private var settings: DemoSettings { stage.settings }

  /// Everything from the first start to the last receipt.
  func tell() throws {
    try setUp()
    try slow()
    try breakDown()
    try recover()
    try stage.stopProducers()
  }

  private func setUp() throws {
    stage.begin(act: "the daemons start")
    try stage.startHub()
    try stage.startDaemon()
    try stage.startProducers()
  }

  private func slow() throws {
    stage.begin(act: "act 1: slowed by windows")
    stage.tell(
      "\(grouped(settings.offered)) messages a second are offered; the hub takes"
        + " \(grouped(settings.rate)).")
    try stage.watch(for: settings.slowed / 3)
    let (begin, delivered) = (monotonicNow(), stage.facts.delivered)
    stage.tell("Windows are used up, so producers wait. Nothing overflows.")
    try stage.watch(for: settings.slowed / 3 * 2)
    let span = Double(monotonicNow().since(begin).nanoseconds) / 1e9
    let rate = Double(stage.facts.delivered - delivered) / span
    stage.record { $0.slowedRate = rate }
  }

  private func breakDown() throws {
    stage.begin(act: "act 2: the upstream is killed")
    stage.killHub()
    let killedAt = monotonicNow()
    stage.tell("The hub was killed (kill -9): calls to it fail.")
    try stage.watch(atMost: settings.patience, orFail: "the breaker doesn't open") {
      stage.daemonSight.breaker.state == "open"
    }
    let failures = stage.daemonSight.breaker.consecutiveFailures
    stage.record { $0.failuresAtOpening = failures }
    stage.tell("Five failures in a row: the breaker opens. Nothing is sent any more.")
    var shut = 0
    try stage.watch(atMost: settings.patience, orFail: "not all windows are shut by the breaker") {
      shut = stage.shutProducers(because: .breakerOpen)
      return shut == settings.producers
    }
    stage.record { $0.shutByBreaker = shut }
    stage.tell("Space is used up, so all windows are shut with BREAKER_OPEN.")
    try stage.watch(atMost: settings.patience, orFail: "the breaker doesn't probe") {
      stage.daemonSight.breaker.probes >= 1 && stage.daemonSight.breaker.state == "open"
    }
    stage.tell("A probe found nobody. The breaker waits twice as long for the next.")
    _ = try stage.watch(atMost: settings.outage) {
      monotonicNow().since(killedAt) >= settings.outage
    }
  }

  private func recover() throws {
    stage.begin(act: "act 2: the upstream comes back")
    let delivered = stage.facts.delivered
    try stage.startHub()
    stage.tell("The hub is back. The breaker ends its wait, then it probes.")
    try stage.watch(atMost: settings.patience, orFail: "the breaker doesn't get half open") {
      stage.daemonSight.breaker.state == "half_open" && stage.daemonSight.breaker.successes > 0
    }
    stage.tell("Half open: one message at a time, until five in a row succeed.")
    var successes: UInt64 = 0
    try stage.watch(atMost: settings.patience, orFail: "the breaker doesn't close") {
      successes = max(successes, stage.daemonSight.breaker.successes)
      return stage.daemonSight.breaker.state == "closed"
    }
    stage.record { $0.successesAtClosing = successes }
    stage.tell("Closed. Load returns step by step, producers go on by themselves.")
    try stage.watch(atMost: settings.patience, orFail: "the old rate doesn't come back") {
      stage.scene.delivered >= stage.facts.slowedRate * 0.8
    }
    stage.tell("The old rate is back.")
    try stage.watch(for: settings.afterwards)
    let deliveredSince = stage.facts.delivered - delivered
    stage.record { $0.deliveredAfterRevival = deliveredSince }
    stage.tell("The producers stop. What is still held is delivered.")
  }
}
