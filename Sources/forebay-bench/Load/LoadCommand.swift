import ArgumentParser
import ForebayCore
import ForebayWire

struct LoadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load",
    abstract: "Sends messages as many clients at once and accounts for every outcome.",
    discussion: """
      Without --rate it is a closed loop: each client has up to --depth messages without an \
      outcome, and a latency runs from the write to the final receipt. With --rate messages are \
      due at an even pace whatever happens, and a latency runs from the moment when its message \
      was due.

      The result is printed as JSON on standard output and in words on standard error. The exit \
      code is 1 unless every message got exactly one final outcome.
      """)

  @Argument(help: "Where to connect: PATH, unix:PATH or tcp:HOST:PORT.")
  var connect: Endpoint

  @Option(help: "Clients, each with a connection and a session of its own.")
  var clients = 8

  @Option(
    help: "Messages that a client may have without an outcome; else as many as its window allows.")
  var depth: UInt64?

  @Option(help: "Messages a second of all clients together (open loop).")
  var rate: Double?

  @Option(help: "Payload bytes: a number, or a mix such as 0..4096 or 0..max.")
  var size = PayloadSizes.fixed(128)

  @Option(help: "Messages of all clients together.")
  var count: UInt64?

  @Option(help: "How long to send; 10s if there is no --count.")
  var duration: TimeArgument?

  @Option(help: "The receipt level: received, stored or delivered.")
  var receipt = LevelArgument(level: .delivered)

  @Option(help: "The route that the clients name.")
  var route: String?

  @Option(help: "Messages expire after this.")
  var ttl = TimeArgument(.zero)

  @Flag(help: "Send nothing: stay connected until --duration is over or SIGINT comes.")
  var idle = false

  @Flag(help: "Connect again and resume the session when a connection is lost.")
  var reconnect = false

  @Option(help: "How long to try to connect at first.")
  var connectTimeout = TimeArgument(.seconds(5))

  @Option(help: "How long to wait for outcomes after the last message.")
  var drain = TimeArgument(.seconds(30))

  @Option(help: "Makes the sessions' ids; the default is random.")
  var seed: UInt64 = .random(in: 1 ... .max)

  func validate() throws {
    guard clients >= 1, clients <= 100_000 else {
      throw ValidationError("--clients must be between 1 and 100000.")
    }
    guard depth != 0 else { throw ValidationError("--depth must be at least 1.") }
    if let rate, rate <= 0 { throw ValidationError("--rate must be above zero.") }
  }

  func run() throws {
    var settings = Load.Settings(endpoint: connect, seed: seed)
    settings.clients = clients
    settings.depth = depth ?? .max
    settings.rate = rate
    settings.sizes = size
    settings.count = count
    settings.duration = duration?.span ?? (count == nil ? .seconds(10) : nil)
    settings.level = receipt.level
    settings.route = route
    settings.ttlMilliseconds = UInt32(clamping: ttl.span.millisecondsRoundedUp)
    settings.reconnects = reconnect
    settings.isIdle = idle
    settings.connectTimeout = connectTimeout.span
    settings.drainTimeout = drain.span
    let result = try Load.run(settings)
    try Output(nil).line(result.json.text)
    printError(result.summary)
    if !result.isClean { throw ExitCode.failure }
  }
}
