import Glibc
import TestFolder
import Testing

/// A real `rabbitmq-server`: one that the tests share which do nothing to it, or one of a test's own. It takes
/// five seconds to start and 200 MB. It has a port mapper (`epmd`) of its own, and both end with the tests,
/// however these end: a shell that waits for the end of its input stops them by their ids.
actor RabbitServer {
  private let place: Workplace
  private var keeper: Program?
  /// Listens in plain and with TLS, by the tests' certificates.
  nonisolated let port: UInt16
  nonisolated let tlsPort: UInt16
  private let mapperPort: UInt16
  private let distributionPort: UInt16

  private init(in place: Workplace) throws {
    self.place = place
    port = try freePort()
    tlsPort = try freePort()
    mapperPort = try freePort()
    distributionPort = try freePort()
  }

  /// The largest message that it takes.
  static let messageBytesMax = 1_000_000

  /// One of a test's own.
  static func ready(in place: Workplace) async throws -> RabbitServer {
    let server = try RabbitServer(in: place)
    try await server.start()
    return server
  }

  private static let starting = Task { try await ready(in: Workplace()) }

  /// Whoever needs it first waits for its start. Each has queues of its own there.
  static func shared() async throws -> RabbitServer { try await starting.value }

  private var variables: [String] {
    let folder = place.path
    return [
      "HOME=\(folder)", "RABBITMQ_NODENAME=forebay\(port)@localhost",
      "RABBITMQ_MNESIA_BASE=\(folder)/mnesia", "RABBITMQ_LOG_BASE=\(folder)/log",
      "RABBITMQ_ENABLED_PLUGINS_FILE=\(folder)/plugins",
      "RABBITMQ_CONFIG_FILE=\(folder)/rabbitmq", "RABBITMQ_CONF_ENV_FILE=\(folder)/none",
      "RABBITMQ_GENERATED_CONFIG_DIR=\(folder)/generated",
      "RABBITMQ_FEATURE_FLAGS_FILE=\(folder)/flags", "RABBITMQ_PID_FILE=\(folder)/server.pid",
      "RABBITMQ_NODE_PORT=\(port)", "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
      "RABBITMQ_DIST_PORT=\(distributionPort)", "ERL_EPMD_PORT=\(mapperPort)",
      "ERL_EPMD_ADDRESS=127.0.0.1",
      "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 "
        + "+sbwt none +sbwtdcpu none +sbwtdio none",
    ]
  }

  private func start() async throws {
    let files = TestCertificates.shared
    _ = place.write("[rabbitmq_auth_mechanism_ssl].\n", to: "plugins")
    _ = place.write(
      """
      listeners.ssl.1 = 127.0.0.1:\(tlsPort)
      ssl_options.cacertfile = \(files.file("ca.pem"))
      ssl_options.certfile = \(files.file("good.pem"))
      ssl_options.keyfile = \(files.file("good.key"))
      ssl_options.verify = verify_peer
      ssl_options.fail_if_no_peer_cert = false
      ssl_cert_login_from = common_name
      auth_mechanisms.1 = PLAIN
      auth_mechanisms.2 = EXTERNAL
      max_message_size = \(Self.messageBytesMax)
      vm_memory_high_watermark.absolute = 4GB
      disk_free_limit.absolute = 1MB
      log.console.level = warning

      """, to: "rabbitmq.conf")
    // $1 is the mapper's port; the rest of the words is the server's start.
    let script = """
      epmd -port "$1" -address 127.0.0.1 </dev/null >/dev/null 2>&1 & mapper=$!; shift
      "$@" </dev/null & server=$!
      cat >/dev/null
      kill -9 $server $(cat "\(place.path)/server.pid" 2>/dev/null) $mapper 2>/dev/null
      """
    keeper = try Program.start(
      "/bin/sh",
      ["-c", script, "sh", "\(mapperPort)", "/usr/bin/env"] + variables
        + ["/usr/lib/rabbitmq/bin/rabbitmq-server"], in: place, hasInput: true)
    try await waitReady()
  }

  private func waitReady() async throws {
    // It listens before it has started all applications.
    try await wait(for: "rabbitmq-server to have started") {
      keeper?.output.contains("completed with") == true && (try? RawSocket(port: port)) != nil
    }
  }

  private func wait(for what: String, _ condition: () -> Bool) async throws {
    let deadline = ContinuousClock.now + patience
    while !condition() {
      try #require(ContinuousClock.now < deadline, "waited \(patience) for \(what)")
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  // MARK: Steering

  private var serverID: pid_t? {
    pid_t(Workplace.read(place.file("server.pid")).prefix { $0.isNumber })
  }

  func kill(_ signal: Int32) throws { _ = Glibc.kill(try #require(serverID), signal) }

  /// Ends it as a crash does, and starts it again on what it had on its disk.
  func crash() async throws {
    let id = try #require(serverID)
    Glibc.kill(id, SIGKILL)
    try await wait(for: "the port to be free") {
      Glibc.kill(id, 0) != 0 && (try? RawSocket(port: port)) == nil
    }
  }

  func startAgain() async throws {
    keeper?.closeInput()
    try await wait(for: "the end of its keeper") { keeper?.isRunning != true }
    try await start()
  }

  /// What `rabbitmqctl` prints.
  @discardableResult
  func ctl(
    _ words: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let ended = try await Program.start(
      "/usr/bin/env", variables + ["/usr/lib/rabbitmq/bin/rabbitmqctl", "-q"] + words, in: place
    ).end()
    #expect(
      ended.status == 0, "rabbitmqctl \(words): \(ended.output)\(ended.errors)",
      sourceLocation: sourceLocation)
    return ended.output
  }

  /// A user with all rights to publish. One Erlang machine for both, since each takes a second.
  func addUser(_ name: String, password: String) async throws {
    try await ctl(
      "eval",
      "rabbit_auth_backend_internal:add_user(<<\"\(name)\">>, <<\"\(password)\">>, <<\"us\">>), "
        + "rabbit_auth_backend_internal:set_permissions(<<\"\(name)\">>, <<\"/\">>, <<\"\">>, "
        + "<<\".*\">>, <<\".*\">>, <<\"us\">>).")
  }

  // MARK: Queues

  /// A durable queue; with a length it refuses what is more.
  func declare(_ queue: String, lengthMax: Int? = nil) async throws {
    try await drive(["declare", queue] + (lengthMax.map { ["\($0)"] } ?? []))
  }

  func bind(_ exchange: String, _ queue: String, _ key: String) async throws {
    try await drive(["bind", exchange, queue, key])
  }

  struct Message: Equatable {
    let id: String
    let routingKey: String
    let body: String
  }

  /// All that is in it now; it is empty afterwards.
  func read(_ queue: String) async throws -> [Message] {
    try await drive(["read", queue]).split(separator: "\n").map {
      let fields = $0.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
      return Message(
        id: String(fields[0]), routingKey: String(fields[1]), body: String(fields[2]))
    }
  }

  @discardableResult
  private func drive(_ words: [String]) async throws -> String {
    let ended = try await Program.start("AMQPDriver", ["\(port)"] + words, in: place).end(
      within: 120)
    #expect(ended.status == 0, "\(words): \(ended.errors)")
    return ended.output
  }
}

/// A queue of a test's own.
final class RabbitQueue: StoppableServer {
  let name: String
  private let server: RabbitServer

  /// With a length it refuses what is more.
  init(on server: RabbitServer, isDeclared: Bool = true, lengthMax: Int? = nil) async throws {
    self.server = server
    name = "q\(UInt32.random(in: 0 ... .max))"
    if isDeclared { try await server.declare(name, lengthMax: lengthMax) }
  }

  func declare() async throws { try await server.declare(name) }

  func url(login: String = "") -> String {
    "amqp://\(login)127.0.0.1:\(server.port)?routing_key=\(name)"
  }
  func encryptedURL(login: String = "") -> String {
    "amqps://\(login)127.0.0.1:\(server.tlsPort)?routing_key=\(name)"
  }
  var route: [String] { ["upstream: '\(url())'"] }

  func readBack(sourceLocation: SourceLocation = #_sourceLocation) async throws -> ReadBack {
    ReadBack(try await server.read(name).map { ReadBack.Entry(text: $0.body, id: $0.id) })
  }

  func crash() async throws { try await server.crash() }
  func startAgain() async throws { try await server.startAgain() }
  func standStill() async throws { try await server.kill(SIGSTOP) }
  func goOn() async throws { try await server.kill(SIGCONT) }
}
