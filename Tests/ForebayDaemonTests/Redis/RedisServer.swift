import ForebayWire
import Glibc
import Testing

/// A real `redis-server` of a test's own, on a Unix socket in the test's folder (and on a loopback port
/// for TLS), asked by `redis-cli`.
final class RedisServer {
  let place: Workplace
  let socket: String
  private let options: [String]
  private(set) var program: Program

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

  func restart() async throws {
    program = try Program.start(Self.path, options, in: place)
    try await waitReady()
  }

  func kill9() async throws {
    program.kill(SIGKILL)
    _ = try await program.end()
  }

  /// What `redis-cli` prints.
  @discardableResult
  func ask(_ words: String...) async throws -> String {
    try await Program.start("/usr/bin/redis-cli", ["-s", socket] + words, in: place).end().output
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

  /// All that the producers were told is delivered is there, in the order in which it was sent, where
  /// of each message its first entry counts; nothing else is there. Entries of one message have one id,
  /// and those of two have two.
  func expect(
    _ producers: [Producer], repeatsAllowed: Bool,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    var last: [String: UInt64] = [:]
    var idOf: [String: String] = [:]
    var ids: Set<String> = []
    var repeats = 0
    for entry in entries {
      let text = entry.fields["data"] ?? ""
      let id = entry.fields["id"] ?? ""
      if let known = idOf[text] {
        repeats += 1
        if known != id { Issue.record("\(text) has two ids", sourceLocation: sourceLocation) }
        continue
      }
      idOf[text] = id
      if !ids.insert(id).inserted {
        Issue.record("two messages have the id \(id)", sourceLocation: sourceLocation)
      }
      let words = text.prefix { $0 != "." }.split(separator: " ")
      guard words.count == 2, let sequence = UInt64(words[1]) else {
        Issue.record("\(text) is nobody's", sourceLocation: sourceLocation)
        continue
      }
      let name = String(words[0])
      if let before = last[name], before >= sequence {
        Issue.record("\(text) came after \(before)", sourceLocation: sourceLocation)
      }
      last[name] = sequence
    }
    if !repeatsAllowed { #expect(repeats == 0, sourceLocation: sourceLocation) }
    for producer in producers {
      let missing = producer.outcomes.filter {
        $0.value.outcome == .delivered
          && idOf[producer.text(of: $0.key, payloadBytes: 0)] == nil
      }
      #expect(
        missing.isEmpty, "\(producer.name) was told of \(missing.count) that aren't there",
        sourceLocation: sourceLocation)
    }
  }
}
