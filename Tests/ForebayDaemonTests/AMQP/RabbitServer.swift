import Glibc
import TestFolder
import Testing

/// A real `rabbitmq-server`, which all tests of a suite share, one after the other: it takes five seconds to
/// start and 200 MB. It has a port mapper (`epmd`) of its own, and both end with the tests, however these
/// end: a shell that waits for the end of its input stops them by their ids.
actor RabbitServer {
  /// Listens in plain and with TLS, by the tests' certificates.
  static let shared = RabbitServer()

  private let place = Workplace()
  private var starting: Task<Void, any Error>?
  private var keeper: Program?
  nonisolated let port: UInt16
  nonisolated let tlsPort: UInt16
  private let mapperPort: UInt16
  private let distributionPort: UInt16

  private init() {
    port = (try? freePort()) ?? 0
    tlsPort = (try? freePort()) ?? 0
    mapperPort = (try? freePort()) ?? 0
    distributionPort = (try? freePort()) ?? 0
  }

  /// The largest message that it takes.
  static let messageBytesMax = 1_000_000

  /// Starts it where nobody has.
  static func ready() async throws -> RabbitServer {
    try await shared.started()
    return shared
  }

  private func started() async throws {
    if let starting { return try await starting.value }
    let task = Task { try await start() }
    starting = task
    try await task.value
  }

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
    let port = self.port
    try await expectEventually("rabbitmq-server to listen", every: .milliseconds(100)) {
      (try? RawSocket(port: port)) != nil
    }
    // It listens before it has started all applications.
    try await ctl("await_startup")
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
    let port = self.port
    try await expectEventually("the port to be free", every: .milliseconds(20)) {
      Glibc.kill(id, 0) != 0 && (try? RawSocket(port: port)) == nil
    }
  }

  func startAgain() async throws {
    keeper?.closeInput()
    let deadline = ContinuousClock.now + patience
    while keeper?.isRunning == true, ContinuousClock.now < deadline {
      try await Task.sleep(for: .milliseconds(20))
    }
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
