import ForebayCore
import FuzzSupport

@testable import ForebayUpstreams

/// What a Redis server answers, any bytes: never read beyond their end, never a trap, and the same is
/// understood whichever way they are cut. A message is accepted where its own answer says so and nowhere
/// else; it and its call are settled once, and nothing is after the connection was closed.
enum RedisFuzz: FuzzTarget {
  static let name = "redis"

  static func problem(with input: UnsafeRawBufferPointer) -> String? {
    var input = FuzzInput(input)
    let shape = input.byte()
    let isOrdered = shape & 1 != 0
    // Without calls the answers are to the greeting.
    let calls = (0..<Int(shape >> 1 & 3)).map { _ in 1 + input.below(4) }
    let places = (0..<Int(shape >> 3 & 3)).map { _ in Int(input.short()) }
    let answers = shape & 32 != 0 ? Array(input.rest()) : RedisAnswers.composed(&input)
    if let problem = wholeAnswers(answers) { return problem }

    func heard(_ cuts: [Int]) -> RedisHearing {
      var hearing = RedisHearing(calls: calls, isOrdered: isOrdered, greeting: shape >> 6)
      hearing.hear(answers, cutAt: cuts)
      return hearing
    }
    let whole = heard([])
    if let wrong = whole.wrong { return wrong }
    let expected = RedisAnswers.accepted(answers, calls: calls, isOrdered: isOrdered)
    if whole.accepted != expected { return "accepted: \(whole.accepted), there: \(expected)" }
    let cuts = places.map { $0 % (answers.count + 1) }.sorted()
    for cuts in [cuts, answers.count <= 256 ? Array(answers.indices) : []] {
      let cut = heard(cuts)
      if let wrong = cut.wrong { return "\(wrong), cut at \(cuts)" }
      if cut.said != whole.said { return "whole: \(whole.said), cut at \(cuts): \(cut.said)" }
      if cut.accepted != whole.accepted { return "cut at \(cuts): accepted \(cut.accepted)" }
    }
    return nil
  }

  /// What `check-upstream` reads: one answer after the other, each whole with its last byte and not
  /// before.
  private static func wholeAnswers(_ bytes: [UInt8]) -> String? {
    var start = 0
    while start < bytes.count {
      var place = start
      let read = bytes.withUnsafeBytes { RedisAnswer.read($0, at: &place) }
      guard case .answer = read else { return nil }
      guard place > start, place <= bytes.count else { return "an answer ends at \(place)" }
      var again = 0
      let exact = bytes[start..<place].withUnsafeBytes { RedisAnswer.read($0, at: &again) }
      if exact != read { return "\(read) was read as \(exact)" }
      again = 0
      let early = bytes[start..<(place - 1)].withUnsafeBytes { RedisAnswer.read($0, at: &again) }
      if early != .partial { return "\(read) was read as \(early) without its end" }
      start = place
    }
    return nil
  }
}

/// A session that hears a server, and what is wrong with what it says.
private struct RedisHearing: ~Copyable {
  private var session: RedisSession
  private let calls: [Int]
  private var isClosed = false
  private var settledCalls = 0
  /// By call and message.
  private var verdicts: [[MessageVerdict?]]
  private(set) var wrong: String?
  /// All but which messages are told together.
  private(set) var said: [SessionEvent] = []

  init(calls: [Int], isOrdered: Bool, greeting: UInt8) {
    self.calls = calls
    verdicts = calls.map { Array(repeating: nil, count: $0) }
    var options = RedisOptions()
    if calls.isEmpty, greeting & 1 != 0 { options.password = "secret" }
    if calls.isEmpty, greeting & 2 != 0 { options.database = 3 }
    session = RedisSession(options, route: "main", isOrdered: isOrdered)
    var output = OutputQueue()
    session.opened(&output)
    guard !calls.isEmpty else { return }
    receive(Array("+OK\r\n+PONG\r\n".utf8)[...])
    for (call, messages) in calls.enumerated() { session.sent(UInt32(call), messages: messages) }
  }

  /// The messages that were said to be there, as `call.message`.
  var accepted: [String] {
    verdicts.enumerated().flatMap { call, messages in
      messages.enumerated().filter { $0.element == .accepted }.map { "\(call).\($0.offset)" }
    }
  }

  mutating func hear(_ bytes: [UInt8], cutAt cuts: [Int]) {
    var start = 0
    for end in cuts + [bytes.count] where end > start {
      // As the daemon does: what was closed hears nothing more.
      guard !isClosed else { return }
      receive(bytes[start..<end])
      start = end
    }
  }

  private mutating func receive(_ bytes: ArraySlice<UInt8>) {
    Array(bytes).withUnsafeBytes { session.received($0) }
    var events: [SessionEvent] = []
    session.takeEvents(&events)
    for event in events { take(event) }
  }

  private mutating func take(_ event: SessionEvent) {
    if isClosed { wrong = wrong ?? "\(event) after the end" }
    switch event {
    case .messages(let call, let range, let verdict): settle(Int(call), range, verdict)
    case .call(let call, let verdict):
      said.append(event)
      if Int(call) != settledCalls { wrong = wrong ?? "call \(call) isn't the next to be settled" }
      settledCalls += 1
      guard verdict == .accepted, calls.indices.contains(Int(call)) else { return }
      for message in 0..<calls[Int(call)] where verdicts[Int(call)][message] == nil {
        verdicts[Int(call)][message] = .accepted
      }
    case .close:
      said.append(event)
      isClosed = true
    case .secure, .ready, .paused, .noticed, .others, .leaving: said.append(event)
    }
  }

  private mutating func settle(_ call: Int, _ range: Range<Int>, _ verdict: MessageVerdict) {
    guard call >= settledCalls, call < calls.count, !range.isEmpty, range.lowerBound >= 0,
      range.upperBound <= calls[call]
    else { return wrong = wrong ?? "\(verdict) of \(call), \(range), which isn't out" }
    for message in range {
      if verdicts[call][message] != nil { wrong = wrong ?? "\(call).\(message) is settled twice" }
      verdicts[call][message] = verdict
    }
  }
}

/// What servers answer, and what it says.
private enum RedisAnswers {
  private static let pieces = [
    "+OK\r\n", "+QUEUED\r\n", "$3\r\n1-1\r\n", "*1\r\n", "*2\r\n", "*3\r\n", "*4\r\n",
    "-OOM command not allowed\r\n", "-EXECABORT Transaction discarded\r\n", "-READONLY x\r\n",
    "-ERR Protocol error: invalid bulk length\r\n", "-WRONGTYPE x\r\n", "-NOPERM x\r\n",
    "-ERR x\r\n", ":1\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n", "+PONG\r\n",
  ]

  /// Answers in any order, with some bytes of any kind between them.
  static func composed(_ input: inout FuzzInput) -> [UInt8] {
    var answers: [UInt8] = []
    while !input.isEmpty {
      let choice = Int(input.byte())
      if choice < 224 {
        answers += pieces[choice % pieces.count].utf8
      } else {
        answers += input.take(choice & 15)
      }
    }
    return answers
  }

  /// The messages whose own answer is an entry's id, as `call.message`: read one answer after the other,
  /// until one makes no sense or says that this server is the wrong one.
  static func accepted(_ answers: [UInt8], calls: [Int], isOrdered: Bool) -> [String] {
    answers.withUnsafeBytes { bytes in
      var walk = Walk(bytes: bytes)
      var accepted: [String] = []
      for (call, messages) in calls.enumerated() {
        // Of several the first says what is wrong, but for those that are about one message.
        var first: RedisComplaint?
        func note(_ complaint: RedisComplaint?, ofMessage: Bool) {
          if first == nil, !(ofMessage && complaint?.meaning == .rejected) { first = complaint }
        }
        var isExecuted = true
        if isOrdered, messages > 1 {
          var isRefused = false
          for place in 0...messages {
            guard let token = walk.next() else { return accepted }
            if walk.complaint(token) != nil { isRefused = true }
            note(walk.complaint(token), ofMessage: place > 0)
          }
          switch walk.next() {
          case .array(let count)? where count == messages && !isRefused: break
          case .error(let range)?:
            isExecuted = false
            note(walk.complaint(.error(range)), ofMessage: false)
          default: return accepted
          }
        }
        for message in 0..<(isExecuted ? messages : 0) {
          switch walk.next() {
          case .bulk?: accepted.append("\(call).\(message)")
          case .error(let range)?: note(walk.complaint(.error(range)), ofMessage: true)
          default: return accepted
          }
        }
        if first?.meaning == .failedHere { return accepted }
      }
      return accepted
    }
  }

  private struct Walk {
    let bytes: UnsafeRawBufferPointer
    var place = 0

    mutating func next() -> RESPReader.Token? {
      guard case .token(let token, let next) = RESPReader.read(bytes, at: place) else { return nil }
      place = next
      return token
    }

    func complaint(_ token: RESPReader.Token) -> RedisComplaint? {
      guard case .error(let range) = token else { return nil }
      return RedisComplaint(String(decoding: bytes[range].prefix(200), as: UTF8.self))
    }
  }
}
