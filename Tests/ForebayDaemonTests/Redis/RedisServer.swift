import ForebayWire
import Glibc
import Testing

/// A real `redis-server` of a test's own, on a Unix socket in the test's folder (and on a loopback port
/// for TLS), asked by `redis-cli`.
final class RedisServer: StoppableServer {
  let place: Workplace
  let socket: String
  private let options: [String]
  private(set) var program: Program
  /// With which it is asked, where it wants one.
  var password: String?

  static let path = "/usr/bin/redis-server"

  init(in place: Workplace, _ options: [String] = []) throws {
    self.place = place
    socket = place.file("redis.sock")
    self.options =
      [
        "--unixsocket", place.file("redis.sock"), "--port", "0", "--dir", place.path, "--save", "",
        "--appendonly", "yes", "--appendfsync", "always",
      ] + options
    program = try Program.start(Self.path, self.options, in: place)
  }

  static func ready(
    in place: Workplace, _ options: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> RedisServer {
    let server = try RedisServer(in: place, options)
    try await server.waitReady(sourceLocation: sourceLocation)
    return server
  }

  func waitReady(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await expectEventually(
      "redis-server to be ready", every: .milliseconds(50), sourceLocation: sourceLocation
    ) {
      try #require(program.isRunning, "\(program.output)", sourceLocation: sourceLocation)
      let answer = try await ask("PING")
      return answer.hasPrefix("PONG") || answer.hasPrefix("NOAUTH")
    }
  }

  // MARK: TestedServer

  var route: [String] { ["upstream: redis+unix://\(socket)"] }

  func readBack(sourceLocation: SourceLocation = #_sourceLocation) async throws -> ReadBack {
    try await StreamContents(self).readBack
  }

  func crash() async throws {
    program.kill(SIGKILL)
    _ = try await program.end()
  }

  func startAgain() async throws {
    program = try Program.start(Self.path, options, in: place)
    try await waitReady()
  }

  func standStill() { program.kill(SIGSTOP) }
  func goOn() { program.kill(SIGCONT) }

  // MARK: By redis-cli

  /// What `redis-cli` prints.
  @discardableResult
  func ask(_ words: String...) async throws -> String {
    let login = password.map { ["-a", $0, "--no-auth-warning"] } ?? []
    return try await Program.start(
      "/usr/bin/redis-cli", ["-s", socket] + login + words, in: place
    ).end().output
  }

  /// A number that INFO tells.
  func info(_ name: String) async throws -> UInt64 {
    let line = try await ask("INFO").split(whereSeparator: \.isNewline).first {
      $0.hasPrefix("\(name):")
    }
    return line.flatMap { UInt64($0.dropFirst(name.utf8.count + 1)) } ?? 0
  }
}

/// The entries of a stream, as `redis-cli` reads them back.
struct StreamContents {
  struct Entry {
    let fields: [String: String]
  }

  let entries: [Entry]

  /// Each entry has `fields` fields.
  init(_ server: RedisServer, _ stream: String = "forebay", fields: Int = 2) async throws {
    let lines = try await server.ask("XRANGE", stream, "-", "+").split(
      separator: "\n", omittingEmptySubsequences: false)
    let size = 1 + 2 * fields
    var entries: [Entry] = []
    var place = 0
    while place + size <= lines.count {
      var found: [String: String] = [:]
      for field in 0..<fields {
        found[String(lines[place + 1 + 2 * field])] = String(lines[place + 2 + 2 * field])
      }
      entries.append(Entry(fields: found))
      place += size
    }
    self.entries = entries
  }

  var readBack: ReadBack {
    ReadBack(entries.map { ReadBack.Entry(text: $0.fields["data"] ?? "", id: $0.fields["id"]) })
  }
}
