import ForebayCore
package import ForebayTLS
package import ForebayUV

/// Asks a Redis server what an operator wants to know before messages go to it. It writes nothing unless
/// asked, and then one entry.
package final class RedisCheck: StreamCheck, ByteStreamOwner {
  private let options: RedisOptions
  private let streams: [String]
  private let sends: Bool
  private let done: (Result<[String], TLSError>) -> Void
  private var stream: ByteStream?
  /// Questions in their order, with what is to be said of an answer.
  private var questions: [Question] = []
  private var stash: [UInt8] = []
  private var findings: [String] = []

  private struct Question {
    let words: [String]
    /// What the answer means; nil where it says nothing. A complaint ends the check where it `mustWork`.
    let tell: (RedisAnswer) -> [String]
    var mustWork = false
  }

  /// `done` is called once.
  package init(
    _ options: RedisOptions, route: String, sends: Bool,
    done: @escaping (Result<[String], TLSError>) -> Void
  ) {
    self.options = options
    self.sends = sends
    self.done = done
    let names = (0..<8).map { RedisEncoder.stream(options.stream, route: route, lane: $0) }
    streams = names.enumerated().filter { names.firstIndex(of: $1) == $0 }.map(\.element)
  }

  package func start(
    at endpoint: ByteStream.Endpoint, tls: TLSContext?, on loop: Loop, until deadline: UInt64
  ) {
    let stream = ByteStream(to: endpoint, tls: tls, on: loop, owner: self)
    self.stream = stream
    stream.connect(until: Instant(nanoseconds: deadline))
  }

  package func streamOpened(_ stream: ByteStream) {
    findings.append(
      "connected" + (stream.security.map { ", secured by \($0)" } ?? ", not encrypted"))
    ask()
    for question in questions { RedisEncoder.command(question.words, to: &stream.output) }
  }

  private func ask() {
    if let password = options.password {
      let words = ["AUTH"] + (options.user.map { [$0] } ?? []) + [password]
      questions.append(Question(words: words, tell: { _ in ["authenticated"] }, mustWork: true))
    }
    if options.database > 0 {
      let database = "\(options.database)"
      questions.append(
        Question(
          words: ["SELECT", database], tell: { _ in ["database \(database)"] }, mustWork: true))
    }
    questions.append(Question(words: ["PING"], tell: { _ in [] }, mustWork: true))
    questions.append(Question(words: ["INFO"], tell: Self.tellInfo))
    for name in ["appendfsync", "maxmemory-policy"] {
      questions.append(
        Question(words: ["CONFIG", "GET", name], tell: { Self.tellSetting(name, $0) }))
    }
    for name in streams {
      questions.append(Question(words: ["TYPE", name], tell: { Self.tellType(name, $0) }))
      questions.append(Question(words: ["XLEN", name], tell: { Self.tellLength(name, $0) }))
    }
    guard sends, let name = streams.first else { return }
    questions.append(
      Question(
        words: ["XADD", name, "*", options.payloadField, "forebayd check-upstream"],
        tell: { ["sent one entry to '\(name)': \($0.text)"] }, mustWork: true))
  }

  package func streamReceived(_ stream: ByteStream, _ bytes: UnsafeRawBufferPointer) {
    stash.append(contentsOf: bytes)
    while !questions.isEmpty {
      var place = 0
      switch stash.withUnsafeBytes({ RedisAnswer.read($0, at: &place) }) {
      case .partial: return
      case .garbage(let what):
        return stream.end(.closedByUs("it sent \(what): this is no Redis server"))
      case .answer(let answer):
        stash.removeFirst(place)
        answered(answer, stream)
      }
    }
    stream.end(.closedByUs(""))
  }

  private func answered(_ answer: RedisAnswer, _ stream: ByteStream) {
    let question = questions.removeFirst()
    guard case .error(let text) = answer else { return findings += question.tell(answer) }
    let complaint = RedisComplaint(text)
    let said = text + (complaint.advice.map { " (\($0))" } ?? "")
    guard question.mustWork else {
      return findings.append("\(question.words[0]) isn't answered: \(said)")
    }
    questions = []
    stream.end(.closedByUs("it refuses \(question.words[0]): \(said)"))
  }

  package func streamBusy(_ stream: ByteStream, _ isBusy: Bool) {}

  package func streamEnded(_ stream: ByteStream, _ ending: StreamEnding) {
    self.stream = nil
    if ending == .closedByUs(""), questions.isEmpty { return done(.success(findings)) }
    done(.failure(TLSError(ending.description)))
  }

  // MARK: What is told

  private static func tellInfo(_ answer: RedisAnswer) -> [String] {
    var values: [Substring: Substring] = [:]
    for line in answer.text.split(whereSeparator: \.isNewline) {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 { values[parts[0]] = parts[1] }
    }
    func value(_ name: Substring) -> Substring { values[name] ?? "unknown" }
    var found = [
      "Redis \(value("redis_version")), \(value("redis_mode")), \(value("role"))",
      "memory: \(value("used_memory_human")) used of "
        + (value("maxmemory") == "0" ? "no limit" : String(value("maxmemory_human"))),
    ]
    if value("role") == "slave" { found.append("it is a replica, which takes no messages") }
    if value("cluster_enabled") == "1" {
      found.append("it is a node of a cluster: it takes only the keys of its own slots")
    }
    if value("aof_enabled") == "0" {
      found.append("durability: no append-only file, so what was delivered can be lost with it")
    }
    return found
  }

  private static func tellSetting(_ name: String, _ answer: RedisAnswer) -> [String] {
    guard case .array(let items) = answer, items.count == 2 else { return [] }
    let value = items[1].text
    switch (name, value) {
    case ("appendfsync", "always"):
      return [
        "appendfsync: always (where there is an append-only file, "
          + "what was delivered is on its disk)"
      ]
    case ("appendfsync", _):
      return [
        "appendfsync: \(value) (a crash can lose what was delivered in "
          + "the last second or more)"
      ]
    case (_, "noeviction"): return ["\(name): noeviction (a full memory makes senders slow down)"]
    default: return ["\(name): \(value) (a full memory may delete what was delivered)"]
    }
  }

  private static func tellType(_ name: String, _ answer: RedisAnswer) -> [String] {
    switch answer.text {
    case "stream": ["'\(name)' is a stream"]
    case "none": ["'\(name)' doesn't exist; the first message makes it"]
    case let type: ["'\(name)' is a \(type) and no stream: no message can go there"]
    }
  }

  private static func tellLength(_ name: String, _ answer: RedisAnswer) -> [String] {
    if case .integer(let count) = answer, count > 0 { return ["'\(name)' has \(count) entries"] }
    return []
  }
}

/// An answer as a whole, for questions that are asked rarely.
enum RedisAnswer: Equatable {
  case text(String)
  case error(String)
  case integer(Int64)
  case array([RedisAnswer])
  case null

  enum Result: Equatable {
    case answer(RedisAnswer)
    case partial
    case garbage(String)
  }

  /// Nested no deeper than any answer to what we ask.
  private static let depthMax = 4

  static func read(
    _ bytes: UnsafeRawBufferPointer, at place: inout Int, depth: Int = 0
  ) -> Result {
    switch RESPReader.read(bytes, at: place) {
    case .partial: return .partial
    case .garbage(let what): return .garbage(what)
    case .token(let token, let next):
      place = next
      switch token {
      case .simple(let range), .bulk(let range):
        return .answer(.text(String(decoding: bytes[range], as: UTF8.self)))
      case .error(let range): return .answer(.error(String(decoding: bytes[range], as: UTF8.self)))
      case .integer(let number): return .answer(.integer(number))
      case .null, .array(nil): return .answer(.null)
      case .array(let count?):
        guard depth < depthMax else { return .garbage("an array in arrays") }
        var items: [RedisAnswer] = []
        for _ in 0..<count {
          switch read(bytes, at: &place, depth: depth + 1) {
          case .answer(let answer): items.append(answer)
          case let other: return other
          }
        }
        return .answer(.array(items))
      }
    }
  }

  var text: String {
    switch self {
    case .text(let text), .error(let text): text
    case .integer(let number): "\(number)"
    case .array(let items): items.map(\.text).joined(separator: " ")
    case .null: ""
    }
  }
}
