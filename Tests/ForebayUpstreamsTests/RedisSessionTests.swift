import ForebayCore
import ForebayWire
import Testing

@testable import ForebayUpstreams

/// What a server's answers mean for the messages, without a server.
@Suite struct RedisSessionTests {
  private typealias Event = SessionEvent

  /// Hears everything that is said after the greeting.
  private func events(
    ordered: Bool = true, calls: [Int], _ answers: String, chunk: Int = .max
  ) -> [Event] {
    var session = RedisSession(RedisOptions(), route: "main", isOrdered: ordered)
    var output = OutputQueue()
    session.opened(&output)
    hear("+OK\r\n+PONG\r\n", &session)
    #expect(taken(&session) == [.ready])
    for (index, messages) in calls.enumerated() { session.sent(UInt32(index), messages: messages) }
    hear(answers, chunk: chunk, &session)
    return taken(&session)
  }

  private func hear(_ text: String, chunk: Int = .max, _ session: inout RedisSession) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      Array(rest.prefix(chunk)).withUnsafeBytes { session.received($0) }
      rest = rest.dropFirst(chunk)
    }
  }

  private func taken(_ session: inout RedisSession) -> [Event] {
    var events: [Event] = []
    session.takeEvents(&events)
    return events
  }

  private let queued = "+QUEUED\r\n"
  private let id = "$3\r\n1-1\r\n"
  private func complaint(_ text: String) -> Event {
    .noticed(RedisComplaint(text).said(by: "redis"), isProblem: true)
  }

  // MARK: The greeting

  @Test func whoWeAreIsSaidFirst() {
    var options = RedisOptions()
    options.user = "app"
    options.password = "s3cret"
    options.database = 3
    var session = RedisSession(options, route: "main", isOrdered: true)
    var output = OutputQueue()
    session.opened(&output)
    let text = String(decoding: output.waiting, as: UTF8.self)
    #expect(
      text.hasPrefix(
        "*3\r\n$4\r\nAUTH\r\n$3\r\napp\r\n$6\r\ns3cret\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3"))
    hear("+OK\r\n+OK\r\n+OK\r\n", &session)
    #expect(taken(&session) == [])
    hear("+PONG\r\n", &session)
    #expect(taken(&session) == [.ready])
  }

  @Test(arguments: [
    ("WRONGPASS invalid username-password pair", false), ("NOAUTH Authentication required.", false),
    ("LOADING Redis is loading the dataset in memory", true),
    ("ERR DB index is out of range", false), ("ERR max number of clients reached", true),
  ])
  func aServerThatRefusesUsIsLeft(_ text: String, _ isThrottle: Bool) {
    var session = RedisSession(RedisOptions(), route: "main", isOrdered: true)
    var output = OutputQueue()
    session.opened(&output)
    hear("-\(text)\r\n", &session)
    #expect(
      taken(&session) == [
        complaint(text), .close("it refuses us: \(text)", isThrottle: isThrottle),
      ])
  }

  @Test func somethingElseThanRedisIsLeft() {
    var session = RedisSession(RedisOptions(), route: "main", isOrdered: true)
    var output = OutputQueue()
    session.opened(&output)
    hear("HTTP/1.1 400 Bad Request\r\n", &session)
    let said = taken(&session)
    #expect(said.count == 1)
    guard case .close(let reason, false) = said.first else { return #expect(Bool(false)) }
    #expect(reason.contains("no Redis server"))
  }

  // MARK: Transactions

  @Test(arguments: [1, 2, 7, 1000])
  func aCallIsTakenAsAWhole(_ chunk: Int) {
    let answers = "+OK\r\n\(queued)\(queued)*2\r\n\(id)\(id)" + id
    let said = events(calls: [2, 1], answers, chunk: chunk)
    let verdicts = said.filter { if case .call = $0 { true } else { false } }
    #expect(verdicts == [.call(0, .accepted), .call(1, .accepted)])
    #expect(said.allSatisfy { if case .noticed = $0 { false } else { true } })
  }

  @Test func aFullMemoryThrottlesTheWholeCall() {
    let oom = "OOM command not allowed when used memory > 'maxmemory'."
    let abort = "-EXECABORT Transaction discarded because of previous errors.\r\n"
    let said = events(calls: [3], "+OK\r\n\(queued)-\(oom)\r\n\(queued)\(abort)")
    #expect(said == [complaint(oom), .call(0, .throttled(retryAfter: nil))])
    #expect(events(calls: [2], "+OK\r\n\(queued)\(queued)-\(oom)\r\n") == said)
  }

  @Test func aMessageThatIsTooLargeIsRejectedAndTheOthersGoAgain() {
    let large = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
    let said = events(calls: [3], "+OK\r\n\(queued)-\(large)\r\n\(queued)-EXECABORT x\r\n")
    #expect(
      said == [
        complaint(large), .messages(call: 0, 1..<2, .rejected(RedisComplaint.tooLarge)),
        .call(0, .returned),
      ])
  }

  /// No Redis does it; found by the fuzzer, which saw a message that was both rejected and accepted.
  @Test func whoRefusesACommandAndExecutesTheRestIsLeft() {
    let large = "ERR string exceeds maximum allowed size (proto-max-bulk-len)"
    let said = events(
      calls: [2], "+OK\r\n-\(large)\r\n\(queued)*2\r\n\(id)\(id)")
    #expect(
      said == [
        complaint(large), .messages(call: 0, 0..<1, .rejected(RedisComplaint.tooLarge)),
        .close(
          "it answered EXEC with something else than its commands' answers", isThrottle: false),
      ])
  }

  @Test func aKeyOfAnotherTypeKeepsTheMessages() {
    let wrong = "WRONGTYPE Operation against a key holding the wrong kind of value"
    let said = events(calls: [2], "+OK\r\n\(queued)\(queued)*2\r\n\(id)-\(wrong)\r\n")
    #expect(
      said == [
        .messages(call: 0, 0..<1, .accepted), complaint(wrong), .call(0, .failed(retryAfter: nil)),
      ])
  }

  @Test func aReplicaIsLeft() {
    let text = "READONLY You can't write against a read only replica."
    let said = events(calls: [2], "+OK\r\n-\(text)\r\n-\(text)\r\n-EXECABORT x\r\n")
    #expect(
      said == [
        complaint(text), .call(0, .failed(retryAfter: nil)),
        .close("it can't serve us: \(text)", isThrottle: false),
      ])
  }

  // MARK: Without order

  @Test func eachMessageHasItsAnswer() {
    let oom = "OOM command not allowed"
    let said = events(ordered: false, calls: [4], "\(id)\(id)-\(oom)\r\n\(id)")
    #expect(
      said == [
        .messages(call: 0, 0..<2, .accepted), .messages(call: 0, 3..<4, .accepted),
        complaint(oom), .call(0, .throttled(retryAfter: nil)),
      ])
  }

  @Test func whatIsTakenIsToldBeforeTheRest() {
    var session = RedisSession(RedisOptions(), route: "main", isOrdered: false)
    var output = OutputQueue()
    session.opened(&output)
    hear("+OK\r\n+PONG\r\n", &session)
    _ = taken(&session)
    session.sent(7, messages: 3)
    hear(id + id, &session)
    #expect(taken(&session) == [.messages(call: 7, 0..<2, .accepted)])
    hear(id, &session)
    #expect(taken(&session) == [.call(7, .accepted)])
  }

  @Test func oneKindOfComplaintIsToldOnce() {
    let said = events(calls: [1, 1, 1], "-OOM a\r\n-OOM a\r\n-OOM a\r\n")
    #expect(said.count { if case .noticed = $0 { true } else { false } } == 1)
    #expect(said.count == 4)
  }

  @Test func anAnswerThatNobodyAskedForEndsIt() {
    #expect(events(calls: [], "+OK\r\n").count == 1)
    #expect(events(calls: [2], "+OK\r\n\(queued)\(queued)*5\r\n").count == 1)
    // Nothing is said of a call after the end: its connection has taken it along.
    let ending = Event.close(
      "it answered XADD with something else than an entry's id", isThrottle: false)
    #expect(events(calls: [1], ":1\r\n") == [ending])
    #expect(
      events(calls: [2], "+OK\r\n\(queued)\(queued)*2\r\n\(id):1\r\n") == [
        .messages(call: 0, 0..<1, .accepted), ending,
      ])
  }
}
