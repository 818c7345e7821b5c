import ForebayWire
import Glibc
import Testing

/// The admin socket with ten thousand clients, with idle operators, with several users.
@Suite(.fewAtOnce) struct AdminCrowdTests {
  private let place = Workplace()

  /// As many as the machine's descriptors allow, up to ten thousand.
  private static let crowdSize: Int = {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return min(10_000, Int(clamping: limit.rlim_max) - 500)
  }()

  private func crowd(of count: Int, at daemon: DaemonProcess) async throws -> Program {
    let program = try Program.start(
      "forebay-bench",
      [
        "load", daemon.socket, "--clients", "\(count)", "--idle", "--duration", "30m",
        "--connect-timeout", "60s",
      ], in: place)
    try await expectEventually("\(count) clients", every: .milliseconds(50)) {
      try #require(program.isRunning, "\(program.errors)")
      return try await daemon.state().number("clients") == count
    }
    return program
  }

  /// Lists every client while others send. Somebody who reads the list slowly, or stops in the middle,
  /// holds up nobody and costs a bounded amount of memory.
  @Test(.enabled(if: AdminCrowdTests.crowdSize >= 1000, "needs descriptors"))
  func tenThousandClientsAreListedUnderLoad() async throws {
    let count = Self.crowdSize
    let daemon = try await DaemonProcess.ready(
      in: place,
      prefix: DaemonProcess.with(["FOREBAY_LIMITS_SESSIONS_PER_PRINCIPAL_MAX=12000"]),
      ["--connections-per-user-max", "12000", "--connections-max", "12000"])
    let idle = try await crowd(of: count, at: daemon)
    let load = try Program.start(
      "forebay-bench",
      ["load", daemon.socket, "--clients", "2", "--rate", "2000", "--duration", "30m"], in: place)
    try await expectEventually("a load") { try await daemon.state().delivered > 500 }
    let before = daemon.residentBytes

    // Asks, and reads nothing of what comes.
    let slow = try Listing("show clients json", of: daemon)
    let producer = Producer("p", to: daemon)
    producer.offer(500)
    try await turnUntilSettled([producer])
    var peak: UInt64 = 0
    for command in ["ping", "show routes", "show buffer", "show credits", "show clients limit 5"] {
      #expect(try await daemon.admin(command)?.hasPrefix("+OK") == true, "\(command)")
      peak = max(peak, daemon.residentBytes)
    }
    #expect(
      try await daemon.admin("ping") == "+OK pong", "the list isn't over, and others are served")

    // Now all of it, and sorted ones beside it.
    let sorted = try Listing("show clients sort age_seconds json", of: daemon)
    let filtered = try Listing("show clients where greeted=yes sort -idle_ms json", of: daemon)
    let all = [slow, sorted, filtered]
    try await expectEventually("the whole list") {
      peak = max(peak, daemon.residentBytes)
      try producer.turn()
      if producer.isSettled { producer.offer(20) }
      for listing in all { listing.read() }
      return all.allSatisfy(\.isWhole)
    }
    for listing in all {
      // The load's two, and the producer.
      #expect(listing.rows == count + 3)
      listing.socket.close()
    }
    try await turnUntilSettled([producer])
    #expect(producer.connects == 1 && producer.errors.isEmpty)
    let state = try await daemon.state()
    print(
      "admin: \(count) clients listed under load; \(slow.bytes >> 20) MiB of JSON; anonymous memory "
        + "\(before >> 20) MiB before, at most \(peak >> 20) while; longest callback "
        + "\(state.number("longest_callback_us")) µs")
    #expect(peak < before + (24 << 20), "a list isn't put together before it is sent")
    #expect(state.isBalanced && state.number("clients") == count + 3)
    load.kill(SIGINT)
    let ended = try await load.end()
    #expect(ended.status == 0, "\(ended.errors)")
    idle.kill(SIGKILL)
    try await expectEventually("an empty daemon") {
      try await daemon.state().number("clients") <= 1
    }
    #expect(try await daemon.stop() == 0)
  }

  /// A list on its way. Only what is counted is kept of it.
  private final class Listing {
    let socket: RawSocket
    private(set) var bytes = 0
    private var lines = 0
    private var last: [UInt8] = []

    init(_ command: String, of daemon: DaemonProcess) throws {
      socket = try RawSocket(path: daemon.adminSocket)
      socket.write(Array("\(command)\n".utf8))
    }

    func read() {
      while case .bytes(let more) = socket.read() {
        bytes += more.count
        lines += more.count { $0 == 10 }
        last = (last + more.suffix(2)).suffix(2)
      }
    }

    var isWhole: Bool { last == [10, 10] }
    /// Without the status line and the empty one.
    var rows: Int { lines - 2 }
  }

  // MARK: Idle sessions

  private func daemon(idleTimeout: String) async throws -> DaemonProcess {
    try await DaemonProcess.ready(
      in: place, prefix: DaemonProcess.with(["FOREBAY_ADMIN_IDLE_TIMEOUT=\(idleTimeout)"]))
  }

  @Test func idleSessionsMakeRoomForOperators() async throws {
    let daemon = try await daemon(idleTimeout: "500ms")
    let silent = try AdminSocket(daemon)
    let asked = try AdminSocket(daemon)
    #expect(try await asked.ask("ping") == "+OK pong")
    // Half a line now and then is no question.
    let dribbling = try AdminSocket(daemon)
    let waiting = try AdminSocket(daemon)
    waiting.send("wait held>99999 4s")
    try await expectEventually("the end of the dribbling one", every: .milliseconds(50)) {
      dribbling.socket.write([UInt8(ascii: "p")])
      return !dribbling.socket.isWritable
    }
    try await silent.waitForEnd()
    try await asked.waitForEnd()
    // Whoever waits isn't idle.
    #expect(try await waiting.reply().hasPrefix("-ERR "))
    try await waiting.waitForEnd()
    #expect(try await daemon.admin("show info")?.contains("\nadmin.sessions: 1\n") == true)
  }

  /// Ten who ask for more than they read take all ten places, and give them back.
  @Test func whoeverDoesNotReadIsIdleToo() async throws {
    let daemon = try await daemon(idleTimeout: "1s")
    let clients = try (0..<400).map { _ in
      let client = try WireClient(daemon)
      client.send(Hello(session: .drawn()))
      return client
    }
    try await expectEventually("all clients") {
      try await daemon.state().number("clients") == 400
    }
    let deaf = try (0..<10).map { _ in
      let socket = try RawSocket(path: daemon.adminSocket)
      socket.write(Array("show clients json;show clients json\n".utf8))
      return socket
    }
    // The list fills the socket, and is then kept nowhere else.
    try await expectEventually("all ten to be cut off", every: .milliseconds(20)) {
      deaf.allSatisfy { !$0.isWritable }
    }
    #expect(try await daemon.admin("ping") == "+OK pong")
    withExtendedLifetime(clients) {}
  }

  @Test func theIdleTimeoutIsASettingThatReloads() async throws {
    let file = place.write(
      """
      sockets:
        - path: \(place.file("d.sock"))
      routes:
        - name: main
          upstream: journal:\(place.file("d.db"))
      """, to: "f.yaml")
    let daemon = try await DaemonProcess.ready(in: place, ["--config", file])
    let session = try AdminSocket(daemon)
    let shown = try await session.ask("show config")
    #expect(shown.contains("admin.idle_timeout"), "\(shown)")
    #expect(shown.contains("2m"))
    _ = place.write(Workplace.read(file) + "\nadmin:\n  idle_timeout: 300ms\n", to: "f.yaml")
    #expect(try await session.ask("reload").hasPrefix("+OK"))
    try await session.waitForEnd()
  }

  // MARK: Several users

  private struct Asked {
    let user: Int
    let command: String
    /// What the reply begins with.
    let answer: String
  }

  /// The kernel says who it is; the configuration says what that one may.
  @Test(.enabled(if: OtherUsers.arePossible, OtherUsers.why))
  func eachUserMayDoWhatTheConfigurationSays() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place,
      prefix: DaemonProcess.with([
        "FOREBAY_ADMIN_VIEW_UIDS=4301", "FOREBAY_ADMIN_OPERATE_GIDS=4302",
        "FOREBAY_ADMIN_ADMINISTRATE_UIDS=4303",
      ]))
    daemon.admitEverybody()
    let asked = [
      Asked(user: 4301, command: "level", answer: "+OK level view"),
      Asked(user: 4301, command: "show routes", answer: "+OK routes"),
      Asked(user: 4301, command: "hold all", answer: "-ERR PERMISSION this needs level operate"),
      Asked(user: 4301, command: "shutdown", answer: "-ERR PERMISSION this needs level admin"),
      Asked(user: 4302, command: "level", answer: "+OK level operate"),
      Asked(user: 4302, command: "hold all", answer: "+OK held"),
      Asked(user: 4302, command: "resume all", answer: "+OK resumed"),
      Asked(user: 4302, command: "reload", answer: "-ERR PERMISSION this needs level admin"),
      Asked(user: 4303, command: "level", answer: "+OK level admin"),
      Asked(user: 4303, command: "set log debug", answer: "+OK"),
      // Some are named, so nobody else may even look.
      Asked(user: 4304, command: "ping", answer: "-ERR PERMISSION user 4304 has no level here"),
      Asked(user: 65_534, command: "ping", answer: "-ERR PERMISSION user 65534 has no level here"),
    ]
    for asked in asked {
      let reply = try await ask(daemon, asked.command, as: asked.user)
      #expect(reply.hasPrefix(asked.answer), "\(asked): \(reply)")
    }
    // What changes something is on record with who it was, also where it was refused.
    let record = daemon.logLines.compactMap(logFields).filter { $0["msg"] == "operator command" }
    #expect(
      record.map { "\($0["uid"] ?? "") \($0["command"] ?? ""): \($0["result"] ?? "")" } == [
        "4301 hold all: PERMISSION", "4301 shutdown: PERMISSION", "4302 hold all: ok",
        "4302 resume all: ok", "4302 reload: PERMISSION", "4303 set log debug: ok",
      ])
    let info = try await daemon.admin("show info") ?? ""
    #expect(info.contains("\nadmin.refusals: 3\n") && info.contains("\nadmin.turned_away: 2\n"))
    #expect(daemon.program.isRunning)
    #expect(try await ask(daemon, "shutdown", as: 4303) == "+OK draining")
    #expect(try await daemon.program.end().status == 0)
  }

  /// The socket's own level is a lid on everybody's, root's too; the file's mode is the first door.
  @Test(.enabled(if: OtherUsers.arePossible, OtherUsers.why))
  func theSocketsLevelAndModeComeFirst() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place,
      prefix: DaemonProcess.with([
        "FOREBAY_ADMIN_LEVEL=view", "FOREBAY_ADMIN_ADMINISTRATE_UIDS=4303",
        "FOREBAY_ADMIN_MODE=0660", "FOREBAY_ADMIN_GROUP=4305",
      ]))
    #expect(mode(daemon.adminSocket) == 0o660)
    chmod(place.path, 0o755)
    chmod(place.file("\(daemon.name)-admin"), 0o755)
    // Only the group gets in.
    let outside = try await ask(daemon, "ping", as: 4303)
    #expect(outside == "", "\(outside)")
    #expect(try await ask(daemon, "ping", as: 4305) == "+OK pong")
    #expect(try await ask(daemon, "shutdown", as: 0).hasPrefix("-ERR PERMISSION"))
    daemon.admitEverybody()
    #expect(try await ask(daemon, "level", as: 4303) == "+OK level view")
    #expect(daemon.program.isRunning)
  }

  /// The reply to one command from a process of that user; empty where it can't even connect.
  private func ask(_ daemon: DaemonProcess, _ command: String, as user: Int) async throws -> String
  {
    let script = """
      import socket, sys
      s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
      try: s.sendall(sys.argv[2].encode() + b"\\n"); s.shutdown(socket.SHUT_WR)
      except OSError: pass
      while True:
        more = s.recv(65536)
        if not more: break
        sys.stdout.write(more.decode())
      """
    let python = try OtherUsers.start(
      "/usr/bin/env", ["python3", "-c", script, daemon.adminSocket, command], as: user, in: place)
    return try await python.end().output.replacing("\n\n", with: "")
  }
}
