import ForebayCore
import ForebayWire
import Testing

@testable import forebay_bench

@Suite struct JournalTallyTests {
  private let tags = [1: ID128(high: 7, low: 1), 2: ID128(high: 7, low: 2)]

  private func tally(_ records: [(producer: Int, sequence: UInt64)]) -> JournalTally {
    var tally = JournalTally()
    for record in records {
      tally.add(
        MessageMark(client: record.producer, sequence: record.sequence),
        tag: tags[record.producer]!, sequence: record.sequence)
    }
    return tally
  }

  @Test func countsWhatIsThereOnce() {
    let tally = tally([(1, 1), (2, 1), (1, 2), (2, 2), (1, 3)])
    #expect((tally.total, tally.distinct) == (5, 5))
    #expect(tally.repeats.isEmpty && tally.disordered == 0 && tally.strange == 0)
    #expect(tally.missing(producer: 1, sent: 3) == 0)
    #expect(tally.missing(producer: 1, sent: 5) == 2)
    #expect(tally.missing(producer: 3, sent: 4) == 4)
  }

  @Test func findsGaps() {
    let tally = tally([(1, 1), (1, 4), (1, 5)])
    #expect(tally.missing(producer: 1, sent: 5) == 2)
    #expect(tally.disordered == 0)
  }

  @Test func namesRepeats() {
    let tally = tally([(1, 1), (1, 2), (1, 3), (1, 2), (1, 3), (1, 4)])
    #expect(tally.repeats == [.init(producer: 1, sequence: 2), .init(producer: 1, sequence: 3)])
    #expect((tally.total, tally.distinct, tally.disordered) == (6, 4, 0))
  }

  @Test func seesDisorder() {
    #expect(tally([(1, 1), (1, 3), (1, 2)]).disordered == 1)
    #expect(tally([(1, 1), (1, 2), (1, 2), (1, 1)]).disordered == 1)
  }

  @Test func seesWhatIsntAProducers() {
    var tally = JournalTally()
    tally.add(nil, tag: tags[1]!, sequence: 1)
    tally.add(MessageMark(client: 1, sequence: 2), tag: tags[1]!, sequence: 3)
    tally.add(MessageMark(client: 1, sequence: 3), tag: tags[1]!, sequence: 3)
    tally.add(MessageMark(client: 1, sequence: 4), tag: tags[2]!, sequence: 4)
    #expect(tally.strange == 3)
  }
}

@Suite struct MessageMarkTests {
  @Test(arguments: [(1, 1), (99, 999_999_999_999), (7, 1_234)] as [(Int, UInt64)])
  func comesBack(client: Int, sequence: UInt64) {
    var payload = [UInt8](repeating: 0x2e, count: MessageMark.byteCount + 3)
    let mark = MessageMark(client: client, sequence: sequence)
    payload.withUnsafeMutableBytes { mark.write(to: $0.baseAddress!) }
    #expect(MessageMark(payload) == mark)
    #expect(MessageMark(Array(payload.prefix(MessageMark.byteCount - 1))) == nil)
    for index in 0..<MessageMark.byteCount {
      var spoiled = payload
      spoiled[index] = 0x2a
      #expect(MessageMark(spoiled) == nil)
    }
  }

  @Test func isText() {
    var payload = [UInt8](repeating: 0, count: MessageMark.byteCount)
    payload.withUnsafeMutableBytes {
      MessageMark(client: 3, sequence: 1_234).write(to: $0.baseAddress!)
    }
    #expect(String(decoding: payload, as: UTF8.self) == "producer 03 message 000000001234")
  }

  @Test func isStampedOnFrames() {
    let cycle = FrameCycle(
      sizes: .fixed(40), frameBytesMax: 4_096, level: .default, ttlMilliseconds: 0, isMarked: true)
    let chunk = cycle.stamp(from: 5, client: 2, countMax: 3, costMax: .max, overhead: 0)
    #expect(chunk.count == 3)
    let frame = chunk.bytes.count / 3
    for index in 0..<3 {
      let payload = chunk.bytes[(index * frame + WireLimits.dataFixedBytes)..<((index + 1) * frame)]
      #expect(MessageMark(Array(payload)) == MessageMark(client: 2, sequence: 5 + UInt64(index)))
    }
  }
}

@Suite struct VerdictTests {
  /// A run in which all is well.
  private static var good: DemoFacts {
    var facts = DemoFacts()
    facts.elapsed = .seconds(40)
    facts.offered = 1_000
    facts.sent = [3, 2, 1, 1, 1]
    (facts.delivered, facts.settled) = (8, 8)
    facts.blocked = [.seconds(1), .seconds(2), .seconds(3), .seconds(4), .seconds(5)]
    facts.daemon.received = 8
    facts.daemon.heldPeak = .init(messages: 4, bytes: 2_000)
    facts.daemon.capacity = .init(messages: 5, bytes: 4_096)
    facts.daemon.breaker.openings = 1
    facts.hubPeak = .init(messages: 2, bytes: 1_000)
    facts.hubCapacity = .init(messages: 2, bytes: 2_048)
    facts.slowedRate = 9_990
    facts.unsettledAtKill = [[2..<4], [], [], [], []]
    (facts.failuresAtOpening, facts.successesAtClosing, facts.shutByBreaker) = (5, 10, 5)
    facts.deliveredAfterRevival = 4
    for (producer, sequence) in [
      (1, 1), (1, 2), (2, 1), (1, 2), (1, 3), (2, 2), (3, 1), (4, 1), (5, 1),
    ] as [(Int, UInt64)] {
      facts.journal.add(
        MessageMark(client: producer, sequence: sequence),
        tag: ID128(high: 1, low: UInt64(producer)), sequence: sequence)
    }
    return facts
  }

  private func wrong(_ change: (inout DemoFacts) -> Void) -> [String] {
    var facts = Self.good
    change(&facts)
    let verdict = Verdict(facts, DemoSettings())
    let wrong = verdict.rows.filter { $0.isRight == false }.map(\.name)
    #expect(verdict.isRight == wrong.isEmpty)
    return wrong
  }

  @Test func agrees() { #expect(wrong { _ in } == []) }

  @Test func seesWhatIsMissing() {
    #expect(wrong { $0.daemon.received = 7 } == ["accepted by forebayd"])
    #expect(wrong { $0.delivered = 7 } == ["delivered, say the receipts"])
    #expect(wrong { $0.settled = 9 } == ["delivered, say the receipts"])
    #expect(wrong { $0.wrongFrames = 1 } == ["delivered, say the receipts"])
    #expect(
      wrong {
        $0.sent[0] = 4
        ($0.daemon.received, $0.delivered, $0.settled) = (9, 9, 9)
      } == ["in the journal", "missing from it"])
  }

  @Test func seesARepeatThatWasSettled() {
    #expect(
      wrong { $0.unsettledAtKill[0] = [3..<4] } == ["of those, unsettled when it happened"])
  }

  @Test func seesBoundsThatWereBroken() {
    #expect(wrong { $0.daemon.heldPeak.messages = 6 } == ["held by forebayd at most, of 5, 4 KiB"])
    #expect(wrong { $0.hubPeak.bytes = 2_049 } == ["held by the hub at most, of 2, 2 KiB"])
    #expect(wrong { $0.slowedRate = 11_001 }.count == 1)
    #expect(wrong { $0.elapsed = .seconds(61) }.count == 1)
  }

  @Test func seesABreakerThatDidOtherwise() {
    #expect(wrong { $0.daemon.breaker.openings = 2 }.count == 1)
    #expect(wrong { $0.failuresAtOpening = 4 }.count == 1)
    #expect(wrong { $0.successesAtClosing = 4 }.count == 1)
    #expect(wrong { $0.shutByBreaker = 4 }.count == 1)
    #expect(wrong { $0.deliveredAfterRevival = 0 }.count == 1)
  }
}

@Suite struct DemoPartsTests {
  @Test func readsWhatADaemonSays() throws {
    let json = try #require(
      JSONValue(
        """
        {"lifecycle":"running","routes":[{"name":"default","capacity":{"messages":5000,"bytes":4194304},
        "held":{"messages":17,"bytes":6800},"held_peak":{"messages":4000,"bytes":1600000},
        "breaker":{"state":"half_open","consecutive_failures":0,"successes":3,"openings":1,
        "quota_probes":1,"floor_probes":4},"totals":{"received":30,"delivered":11,"expired":2,
        "rejected":1,"windows_shut":9}}],"memory":{"rss_anonymous_bytes":2400000}}
        """))
    let sight = try #require(DaemonSight(json))
    #expect(sight.held == .init(messages: 17, bytes: 6_800))
    #expect(sight.heldPeak.messages == 4_000 && sight.capacity.bytes == 4_194_304)
    #expect((sight.received, sight.delivered, sight.lost, sight.windowsShut) == (30, 11, 3, 9))
    #expect(sight.breaker.state == "half_open" && sight.breaker.successes == 3)
    #expect(sight.breaker.probes == 5 && sight.anonymousBytes == 2_400_000)
  }

  @Test func hasAReasonOnlyWhereAWindowIsShut() {
    func reason(_ text: String) -> String? { JSONValue(text).flatMap(ClientSight.init)?.shutReason }
    #expect(reason(#"{"shut":true,"reason":"BUFFER_FULL"}"#) == "BUFFER_FULL")
    #expect(reason(#"{"shut":true,"reason":"NONE"}"#) == nil)
    #expect(reason(#"{"shut":false,"reason":"FAIR_SHARE"}"#) == nil)
  }

  @Test func measuresAboutASecond() {
    var rates = RateSamples()
    for step in 0..<20 as Range<UInt64> {
      rates.add(
        .init(
          at: Instant(nanoseconds: 5_000_000_000) + .milliseconds(step * 200),
          offered: step * 20_000, admitted: step * step, delivered: 7,
          blocked: [.milliseconds(step * 50)]))
    }
    #expect(rates.perSecond(\.offered) == 100_000)
    #expect(rates.perSecond(\.admitted) == Double(19 * 19 - 14 * 14))
    #expect(rates.perSecond(\.delivered) == 0)
    #expect(rates.share(ofBlocked: 0) == 0.25)
    #expect(rates.share(ofBlocked: 1) == 0)
  }

  @Test func readsReplies() {
    #expect(AdminQuestion.body(of: Array("+OK state\n{\"a\":1}\n\n".utf8)) == "{\"a\":1}\n")
    #expect(AdminQuestion.body(of: Array("+OK ready\n\n".utf8)) == "")
    #expect(AdminQuestion.body(of: Array("-ERR NOT_READY draining\n\n".utf8)) == nil)
    #expect(AdminQuestion.body(of: Array("+OK cut off\n{".utf8)) == nil)
  }
}

@Suite struct JSONValueTests {
  @Test func readsWhatIsWritten() {
    var object = JSONObject()
    object.set("text", "a \"quoted\" \\ line\n\u{1}")
    object.set("number", 12)
    object.set("decimal", -1.5)
    object.set("flag", true)
    object.set("list", ["x", "y"])
    let value = JSONValue(object.text)
    #expect(value?["text"]?.string == "a \"quoted\" \\ line\n\u{1}")
    #expect(value?["number"]?.count == 12)
    #expect(value?["decimal"] == .number(-1.5) && value?["decimal"]?.count == nil)
    #expect(value?["flag"]?.flag == true)
    #expect(value?["list"] == .list([.text("x"), .text("y")]))
    #expect(value?["list"]?[1]?.string == "y" && value?["list"]?[2] == nil && value?["no"] == nil)
    #expect(JSONValue(" [ ] ") == .list([]) && JSONValue("{ }") == .object([:]))
    #expect(JSONValue("null") == .null)
  }

  @Test(arguments: [
    "", "{", "[1,]", "{\"a\"}", "{\"a\":}", "\"open", "tru", "1 2", "[1 2]", "{a:1}", "\"\\u12\"",
    String(repeating: "[", count: 100),
  ])
  func refusesWhatIsNone(text: String) { #expect(JSONValue(text) == nil) }
}
