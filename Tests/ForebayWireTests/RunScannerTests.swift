import ForebayWire
import Testing

/// What the vectors in proto/vectors/run and credit don't say: how one call answers its bounds.
@Suite struct RunScannerTests {
  private let scanner = RunScanner(frameBytesMax: 4096, overhead: 100)

  @Test func findsNothingAtTheEnd() {
    #expect(next([]) == .end)
    let bytes = dataFrame(1)
    #expect(next(bytes, from: bytes.count) == .end)
  }

  @Test func describesARun() {
    var bytes: [UInt8] = [0xff, 0xff]
    for sequence: UInt64 in 5..<8 {
      bytes += dataFrame(sequence, payload: [1], ttl: 9, lane: 3, level: .stored)
    }
    #expect(
      next(bytes, from: 2)
        == .run(
          DataRun(
            offset: 2, byteCount: 75, count: 3, firstSequence: 5, ttlMilliseconds: 9, lane: 3,
            level: .stored)))
  }

  @Test func stopsWhereTheCallerSays() {
    let bytes = (1...4).flatMap { dataFrame($0) }
    expectRun(next(bytes, .init(lastSequence: 0, countMax: 3)), count: 3)
    expectRun(next(bytes, .init(lastSequence: 0, countMax: 1)), count: 1)
    expectRun(next(bytes, .init(lastSequence: 0, messagesLeft: 2)), count: 2)
    expectRun(next(bytes, .init(lastSequence: 0, costLeft: 124 * 3)), count: 3)
    expectRun(next(bytes, .init(lastSequence: 0, costLeft: 124 * 3 - 1)), count: 2)
    #expect(next(bytes, .init(lastSequence: 0, costLeft: 123)) == .overCredit)
    #expect(next(bytes, .init(lastSequence: 0, messagesLeft: 0)) == .overCredit)
  }

  @Test func continuesExactlyBehindAnOrigin() {
    let bytes = dataFrame(8)
    expectRun(next(bytes, .init(lastSequence: 7, isExact: true)), count: 1)
    for last: UInt64 in [6, 8, 9, .max] {
      #expect(
        next(bytes, .init(lastSequence: last, isExact: true)) == .malformed(.originMismatch))
    }
    #expect(
      next(dataFrame(.max), .init(lastSequence: .max - 1, isExact: true))
        == .malformed(.originMismatch))
  }

  /// 2^64 - 1 isn't a sequence, and 0 doesn't follow it.
  @Test func endsARunAtTheHighestSequence() {
    let bytes = [UInt64.max - 2, .max - 1, .max, 0, 1].flatMap { dataFrame($0) }
    expectRun(next(bytes), count: 2)
    #expect(
      next(bytes, from: 48, .init(lastSequence: .max - 1))
        == .malformed(.sequenceNotIncreasing))
    expectRun(next(dataFrame(.max - 1) + dataFrame(.max)), count: 1)
  }

  @Test func tellsHowMuchIsToCome() {
    let bytes = dataFrame(1, payload: [UInt8](repeating: 1, count: 100))
    for count in 1..<bytes.count {
      #expect(
        next(Array(bytes.prefix(count)))
          == .partial(offset: 0, byteCount: count < 8 ? 0 : 124))
    }
    let control = Blocked(cost: 1, floor: 1).encoded()
    #expect(next(Array(control.prefix(9))) == .partial(offset: 0, byteCount: 24))
    #expect(
      next(control)
        == .control(FrameHeader(type: .blocked, flags: 0, byteCount: 24), offset: 0))
  }

  @Test func refusesAMessageBeforeItsBodyIsThere() {
    let head = dataFrame(1, payload: [UInt8](repeating: 1, count: 100)).prefix(24)
    #expect(next(Array(head), .init(lastSequence: 0, costLeft: 223)) == .overCredit)
    #expect(next(Array(head), .init(lastSequence: 1)) == .malformed(.sequenceNotIncreasing))
  }

  @Test func rejectsOneMessageForItsExtension() {
    let critical = extensionList((ExtensionType(rawValue: 128), []))
    let bytes = dataFrame(1) + dataFrame(2, extensions: critical) + dataFrame(3)
    expectRun(next(bytes), count: 1)
    let run = DataRun(
      offset: 24, byteCount: 28, count: 1, firstSequence: 2, ttlMilliseconds: 0, lane: 0,
      level: .default)
    #expect(next(bytes, from: 24, .init(lastSequence: 1)) == .unsupported(run))
  }

  private func next(
    _ bytes: [UInt8], from offset: Int = 0, _ bounds: RunScanner.Bounds = .init(lastSequence: 0)
  ) -> RunScanner.Finding {
    GuardedMemory(byteCount: max(1, bytes.count)).holding(bytes) {
      scanner.next($0, from: offset, within: bounds)
    }
  }

  private func expectRun(
    _ finding: RunScanner.Finding, count: Int, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    guard case .run(let run) = finding else {
      Issue.record("\(finding) isn't a run", sourceLocation: sourceLocation)
      return
    }
    #expect(run.count == count, sourceLocation: sourceLocation)
    #expect(run.byteCount == count * 24, sourceLocation: sourceLocation)
  }
}
