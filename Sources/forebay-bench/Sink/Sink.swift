import ForebayCore
import ForebayUV
import Glibc

/// The sink's process: listens, serves, plays its script, and reports at the end.
final class Sink {
  let loop: Loop
  let core: SinkCore
  let arena: ReadArena
  private let endpoint: Endpoint
  private let report: (String) -> Void
  private var listener: Handle?
  private var links: [Int: SinkLink] = [:]
  private var timer: Timer?

  var now: Instant { Instant(nanoseconds: loop.now) }

  private init(
    _ endpoint: Endpoint, _ core: SinkCore, on loop: Loop, report: @escaping (String) -> Void
  ) {
    self.endpoint = endpoint
    self.core = core
    self.loop = loop
    self.report = report
    arena = ReadArena(frameBytesMax: core.settings.frameBytesMax)
  }

  /// Serves until SIGTERM or SIGINT. `report` gets a line of JSON on each SIGUSR1 and at the end.
  /// True if everything came in order and nobody broke the protocol.
  static func run(
    _ settings: SinkCore.Settings, at endpoint: Endpoint, report: @escaping (String) -> Void
  ) throws -> Bool {
    _ = try DescriptorLimit.raise()
    let loop = try Loop()
    let core = SinkCore(settings, now: Instant(nanoseconds: loop.now))
    let sink = Sink(endpoint, core, on: loop, report: report)
    do {
      try sink.start()
    } catch {
      try loop.finish()
      throw error
    }
    loop.run()
    sink.printReport()
    for link in sink.linksInOrder { link.close() }
    try loop.finish()
    return core.counts.isClean
  }

  private func start() throws {
    for signal in [SIGINT, SIGTERM] {
      _ = try SignalHandle(on: loop, signal) { [unowned self] in loop.stop() }
    }
    _ = try SignalHandle(on: loop, SIGUSR1) { [unowned self] in printReport() }
    timer = try Timer(on: loop) { [unowned self] in tick() }
    // Receipts of all reads of a turn go out together, after the last of them.
    try TurnHook(on: loop, .afterPolling).start { [unowned self] in turnEnded() }
    try listen()
    schedule()
  }

  private func printReport() {
    report(
      core.counts.report(
        held: core.waitingCount, origins: core.originCount, cpuNanoseconds: processCPU()
      ).text)
  }

  // MARK: Connections

  private func listen() throws {
    switch endpoint {
    case .unix(let path):
      let listener = try UnixListener(on: loop, path: path)
      self.listener = listener
      try listener.accept { [unowned self] arrival in
        if case .success((let stream, _)) = arrival { accepted(stream) }
      }
    case .tcp(let host, let port):
      let listener = try TCPListener(on: loop, SocketAddress(numeric: host, port: port))
      self.listener = listener
      try listener.accept { [unowned self] arrival in
        if case .success(let stream) = arrival { accepted(stream) }
      }
    }
  }

  private func accepted(_ stream: StreamHandle) {
    let link = SinkLink(core.connectionAccepted(), on: stream, of: self)
    links[link.connection.number] = link
    do throws(UVError) { try link.start() } catch { link.close() }
  }

  func ended(_ link: SinkLink) {
    core.connectionLost(link.connection)
    links[link.connection.number] = nil
  }

  private var linksInOrder: [SinkLink] {
    links.values.sorted { $0.connection.number < $1.connection.number }
  }

  // MARK: Turns

  private func turnEnded() {
    let now = self.now
    core.flushEach { links[$0.number]?.flush(now: now) }
    schedule()
  }

  private func tick() {
    for command in core.tick(now: now) {
      switch command {
      case .closeAll: for link in linksInOrder { link.close() }
      case .stopListening:
        listener?.close()
        listener = nil
      case .listen:
        do { try listen() } catch { report("{\"error\":\"can't listen again\"}") }
      }
    }
    turnEnded()
  }

  private func schedule() {
    if let next = core.nextTick { timer?.fire(at: next.nanoseconds) }
  }
}
