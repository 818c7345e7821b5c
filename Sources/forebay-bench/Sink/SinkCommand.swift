import ArgumentParser
import ForebayCore
import ForebayWire

struct SinkCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sink",
    abstract: "An upstream that takes messages from clients and peers and settles them.",
    discussion: """
      It speaks the daemon's side of the wire protocol, so that a load, a forebayd or a relay in \
      between can connect to it. Counts are printed as JSON at the end (SIGTERM, SIGINT) and on \
      SIGUSR1. The exit code is 1 if messages of one origin and lane came out of order, or if \
      somebody broke the protocol.

      The failure script is a list of TIME:ACTION [DURATION], such as \
      "5s:stall 3s; 10s:reject 1s; 12s:close; 15s:refuse 2s". The actions are stall (no receipts), \
      reject (every message), throttle (windows to zero), refuse (no connects), close (all \
      connections) and normal (an end to all of them).
      """)

  @Argument(help: "Where to listen: PATH, unix:PATH or tcp:ADDRESS:PORT.")
  var listen: Endpoint

  @Option(help: "Settle at most so many messages a second.")
  var rate: Double?

  @Option(help: "Settle each message no earlier than this after its arrival.")
  var latency = TimeArgument(.zero)

  @Option(help: "The window of an ordinary client in messages.")
  var window: UInt64 = 4096

  @Option(help: "The window of a peer in messages.")
  var peerWindow: UInt64 = 65_536

  @Option(help: "Every window in bytes of cost.")
  var windowBytes: UInt64 = 256 << 20

  @Option(help: "The largest DATA frame in bytes.")
  var frameMax = 256 << 10

  @Option(help: "What a message costs beyond its frame, in bytes.")
  var overhead = 128

  @Option(help: "What goes wrong, and when.")
  var script: String?

  @Option(help: "Write the counts to this file instead of standard output.")
  var report: String?

  func validate() throws {
    guard (WireLimits.dataFixedBytes...WireLimits.frameBytesMax).contains(frameMax) else {
      throw ValidationError("--frame-max must be between 24 and \(WireLimits.frameBytesMax).")
    }
    guard (0...65_536).contains(overhead) else {
      throw ValidationError("--overhead must be between 0 and 65536.")
    }
    guard window >= 1, peerWindow >= 1, windowBytes >= UInt64(frameMax + overhead) else {
      throw ValidationError("A window must hold at least one message of the largest size.")
    }
    if let rate, rate <= 0 { throw ValidationError("--rate must be above zero.") }
    if let script { _ = try parse(script, start: Instant(nanoseconds: 0)) }
  }

  func run() throws {
    var settings = SinkCore.Settings()
    settings.windowMessages = window
    settings.peerWindowMessages = peerWindow
    settings.windowBytes = windowBytes
    settings.frameBytesMax = frameMax
    settings.overhead = overhead
    settings.rate = rate
    settings.latency = latency.span
    settings.script = try script.map { try parse($0, start: monotonicNow()) }
    let output = try Output(report)
    guard try Sink.run(settings, at: listen, report: output.line) else { throw ExitCode.failure }
  }

  private func parse(_ script: String, start: Instant) throws -> FailureScript {
    do {
      return try FailureScript(script, start: start)
    } catch {
      throw ValidationError("--script: \(error.description)")
    }
  }
}
