import ForebayCore
import ForebayUV
import ForebayWire
import Glibc

/// N clients on one loop: connects them, lets them send, waits for every outcome, and says goodbye.
final class Load {
  struct Settings {
    var endpoint: Endpoint
    var clients = 8
    /// Messages of one client without an outcome, at most. What the daemon's window allows is less.
    var depth: UInt64 = .max
    /// Messages a second of all clients together; nil is a closed loop.
    var rate: Double?
    var sizes = PayloadSizes.fixed(128)
    var count: UInt64?
    var duration: TimeSpan?
    var level = ReceiptLevel.delivered
    var route: String?
    var ttlMilliseconds: UInt32 = 0
    var reconnects = false
    var connectTimeout = TimeSpan.seconds(5)
    /// How long to wait for outcomes after the last message.
    var drainTimeout = TimeSpan.seconds(30)
    /// Makes the sessions' ids; with equal seeds a second load resumes the first one's sessions.
    var seed: UInt64
    /// Each payload begins with a `MessageMark`.
    var marksPayloads = false
    /// With a rate: how often messages that are due are looked for, at most.
    var beat = TimeSpan.zero
    /// The first SIGINT ends the sending, the second everything.
    var endsOnInterrupt = true
    /// Sends nothing: stays connected and answers what the daemon asks.
    var isIdle = false
    /// Told of what may be measured.
    var reached: ((Milestone) -> Void)?
  }

  enum Milestone {
    /// Every client has its first window, and nothing is sent yet.
    case allConnected
    /// Nothing new is to be sent.
    case allSent
    /// Every message has its outcome, or the wait for them is over. All are still connected.
    case allSettled
  }

  private enum Phase: Equatable {
    /// Entered at the start. Can transition to: running, over.
    case connecting
    /// Entered when every client has its first window. Can transition to: draining, leaving, over.
    case running
    /// Entered when nothing new is to be sent. Can transition to: leaving, over.
    case draining
    /// Entered when every message has its outcome, or the wait for them is over. Can transition to:
    /// over.
    case leaving
    case over
  }

  private static let tickMilliseconds: UInt64 = 20
  private static let idleTickMilliseconds: UInt64 = 1_000
  private static let reconnectWait = TimeSpan.milliseconds(50)
  /// After BYE the daemon closes; a daemon that doesn't isn't waited for any longer.
  private static let leaveTimeout = TimeSpan.seconds(1)

  let settings: Settings
  let loop: Loop
  let tally = LoadTally()
  let arena = ReadArena(frameBytesMax: WireLimits.controlFrameBytesMax)
  private var links: [LoadLink] = []
  private var cycle: FrameCycle?
  private var phase = Phase.connecting
  private var readyCount = 0
  private var started: Instant
  private var stopped: Instant?
  private var deadline: Instant
  private var timer: Timer?
  private var pacemaker: Pacemaker?
  /// Messages of the schedule whose clients have been woken.
  private var woken: UInt64 = 0
  private var losses: [String] = []

  var now: Instant { Instant(nanoseconds: loop.now) }

  /// For somebody who has a loop of its own: `start` it there, and in the end `stopSending` until it
  /// `isOver`. `run` does all that.
  init(_ settings: Settings, on loop: Loop) {
    self.settings = settings
    self.loop = loop
    started = Instant(nanoseconds: loop.now)
    deadline = started + settings.connectTimeout
  }

  /// Runs a whole load on a loop of its own.
  static func run(_ settings: Settings) throws(UVError) -> LoadResult {
    _ = try DescriptorLimit.raise()
    let loop = try Loop()
    let load = Load(settings, on: loop)
    let cpuBefore = processCPU()
    do throws(UVError) {
      try load.start()
      loop.run()
      load.timer?.close()
    } catch {
      try loop.finish()
      throw error
    }
    let result = load.result(cpu: processCPU() - cpuBefore)
    try loop.finish()
    return result
  }

  func start() throws(UVError) {
    timer = try Timer(on: loop) { [unowned self] in tick() }
    timer?.fire(
      everyMilliseconds: settings.isIdle ? Self.idleTickMilliseconds : Self.tickMilliseconds)
    if settings.endsOnInterrupt {
      _ = try SignalHandle(on: loop, SIGINT) { [unowned self] in
        if phase == .running { stopSending() } else { finish() }
      }
    }
    var extensions: [UInt8] = []
    appendExtension(.clientName, Array("forebay-bench load".utf8), to: &extensions)
    if let route = settings.route { appendExtension(.route, Array(route.utf8), to: &extensions) }
    let hello = LoadHello(level: settings.level, extensions: extensions)
    var ids = SplitMix64(seed: settings.seed)
    for number in 0..<settings.clients {
      let session = ID128(high: ids.next(), low: ids.next() | 1)
      let client = LoadClient(number: number, session: session, hello: hello, tally: tally)
      links.append(LoadLink(client: client, load: self))
    }
    for link in links { link.connect() }
  }

  // MARK: What watchers see

  var clients: [LoadClient] { links.map(\.client) }
  var isRunning: Bool { phase == .running }
  /// Every client has left, or was given up.
  var isOver: Bool { phase == .over }

  /// With a rate: how many messages were due while it was sending.
  var offered: UInt64 { tally.schedule?.due(now: min(now, stopped ?? .distantFuture)) ?? 0 }

  // MARK: What links tell

  /// Something about the link's client has changed.
  func changed(_ link: LoadLink) {
    switch phase {
    case .connecting:
      if link.client.isReady, !link.wasReady {
        link.wasReady = true
        readyCount += 1
        if readyCount == links.count { begin() }
      }
    case .running, .draining:
      if tally.settledTotal == tally.sentTotal, isAllSent { leave() }
    case .leaving: break
    case .over: return
    }
    if link.isFinished, links.allSatisfy(\.isFinished) { finish() }
  }

  /// When to connect again; nil if the client is to give up.
  func connectionLost(_ link: LoadLink, _ reason: String, now: Instant) -> Instant? {
    switch phase {
    case .connecting:
      if now < deadline { return now + Self.reconnectWait }
      losses.append(reason)
      return nil
    case .running, .draining:
      if settings.reconnects {
        tally.reconnects += 1
        return now + Self.reconnectWait
      }
      losses.append(reason)
      return nil
    case .leaving, .over: return nil
    }
  }

  /// What the client may write now.
  func nextChunk(for client: LoadClient, now: Instant) -> FrameCycle.Chunk? {
    guard phase == .running || phase == .draining, let cycle else { return nil }
    return client.nextChunk(from: cycle, newMax: newMax(of: client, now: now), now: now)
  }

  private func newMax(of client: LoadClient, now: Instant) -> UInt64 {
    guard phase == .running, !settings.isIdle, stopped.map({ now < $0 }) ?? true else { return 0 }
    var most = settings.depth - min(settings.depth, client.outstanding)
    if let count = settings.count {
      let clients = UInt64(settings.clients)
      let share = count / clients + (UInt64(client.number) < count % clients ? 1 : 0)
      most = min(most, share - min(share, client.sent))
    }
    if let schedule = tally.schedule {
      let due = schedule.due(client: client.number, now: now)
      most = min(most, due - min(due, client.sent))
    }
    return most
  }

  // MARK: The run

  private var isAllSent: Bool {
    phase == .draining || settings.count.map { tally.sentTotal >= $0 } ?? false
  }

  private func begin() {
    let frameBytesMax = links.compactMap { $0.client.welcome?.frameBytesMax }.min() ?? 0
    cycle = FrameCycle(
      sizes: settings.sizes, frameBytesMax: Int(frameBytesMax), level: .default,
      ttlMilliseconds: settings.ttlMilliseconds, isMarked: settings.marksPayloads)
    phase = .running
    settings.reached?(.allConnected)
    started = now
    stopped = settings.duration.map { started + $0 }
    deadline = .distantFuture
    if let rate = settings.rate {
      let schedule = LoadSchedule(start: started, clients: links.count, perSecond: rate)
      tally.schedule = schedule
      let beatLength = max(schedule.gap, Double(settings.beat.nanoseconds))
      pacemaker = try? Pacemaker(on: loop, beat: beatLength) { [unowned self] in beat() }
    }
    for link in links { link.pump() }
  }

  /// Wakes the clients whose turn has come since the last beat.
  private func beat() {
    guard let due = tally.schedule?.due(now: now), due > woken else { return }
    let clients = UInt64(links.count)
    for turn in max(woken, due - min(due, clients))..<due { links[Int(turn % clients)].pump() }
    woken = due
  }

  private func tick() {
    let now = self.now
    if phase == .running, isAllSent || stopped.map({ now >= $0 }) ?? false { stopSending() }
    if now >= deadline {
      switch phase {
      case .connecting, .leaving: finish()
      case .draining: leave()
      case .running, .over: break
      }
    }
    guard phase == .connecting || phase == .running || phase == .draining else { return }
    for link in links {
      if let at = link.reconnectAt, now >= at { link.connect() }
      if let cycle {
        link.client.probeIfBlocked(cycle: cycle, now: now)
        link.pump()
      }
    }
  }

  /// Sends nothing new and waits for the outcomes of what is sent.
  func stopSending() {
    guard phase == .running else { return }
    phase = .draining
    stopped = now
    deadline = now + settings.drainTimeout
    settings.reached?(.allSent)
    if tally.settledTotal == tally.sentTotal { leave() }
  }

  private func leave() {
    guard phase == .running || phase == .draining else { return }
    if stopped == nil || phase == .running { stopped = now }
    if phase == .running { settings.reached?(.allSent) }
    phase = .leaving
    settings.reached?(.allSettled)
    deadline = now + Self.leaveTimeout
    pacemaker?.stop()
    for link in links { link.leave() }
  }

  /// For somebody who goes on with the loop after it is over.
  func close() {
    timer?.close()
    timer = nil
  }

  /// Ends it as it stands.
  func finish() {
    phase = .over
    pacemaker?.stop()
    loop.stop()
  }

  /// As it stands; for good once it is over.
  func result(cpu: UInt64 = 0) -> LoadResult {
    let end = tally.lastSettled ?? started
    return LoadResult(
      settings: settings, tally: tally, elapsed: end.since(started), cpuNanoseconds: cpu,
      readyClients: readyCount, losses: losses)
  }
}
