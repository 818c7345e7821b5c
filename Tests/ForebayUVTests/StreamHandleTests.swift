import ForebayUV
import Glibc
import Testing

@Suite struct StreamHandleTests {
  @Test func deliversWhatWasWrittenInOrder() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop)
      try pair.far.startReading()
      #expect(write(pair.near, "one ") == .written(4))
      #expect(write(pair.near, "two") == .written(3))
      try turn(loop, until: { pair.farOwner.bytes.count == 7 })
      #expect(pair.farOwner.text == "one two")
    }
  }

  /// A buffer that one read fills exactly makes libuv read again, which finds nothing.
  @Test func givesABufferBackUnusedWhenThereIsNothingToRead() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop, capacity: 4)
      var counts: [Int] = []
      pair.farOwner.onRead = { _, bytes in counts.append(bytes.count) }
      try pair.far.startReading()
      #expect(write(pair.near, "four") == .written(4))
      try turn(loop, until: { counts.count == 2 })
      #expect(counts == [4, 0])
      #expect(pair.farOwner.ending == nil)
    }
  }

  @Test func tellsTheEndOfFileAfterAllDataThoughBuffersWereRefused() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop)
      pair.farOwner.refusals = 5
      try pair.far.startReading()
      #expect(write(pair.near, "last words") == .written(10))
      pair.near.close()
      try turn(loop, until: { pair.farOwner.ending != nil })
      #expect(pair.farOwner.refusals == 0)
      #expect(pair.farOwner.text == "last words")
      #expect(pair.farOwner.ending == .endOfFile)
      #expect(pair.farOwner.endings == 1)
    }
  }

  @Test func tellsTheEndOfFileWhenThereWasNoDataThoughBuffersWereRefused() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop)
      pair.farOwner.refusals = 3
      try pair.far.startReading()
      pair.near.close()
      try turn(loop, until: { pair.farOwner.ending != nil })
      #expect(pair.farOwner.ending == .endOfFile)
      #expect(pair.farOwner.refusals == 0)
    }
  }

  @Test func boundsItsShareOfATurnByRefusingBuffers() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop, capacity: 256)
      pair.farOwner.readsPerTurn = 2
      let newTurn = try TurnHook(on: loop, .beforePolling)
      newTurn.start { pair.farOwner.readsThisTurn = 0 }
      try pair.far.startReading()
      let sent = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 / 7) }
      #expect(sent.withUnsafeBytes { pair.near.tryWrite($0) } == .written(10_000))
      pair.near.close()
      try turn(loop, until: { pair.farOwner.ending != nil })
      #expect(pair.farOwner.mostReadsInATurn == 2)
      #expect(pair.farOwner.bytes == sent)
    }
  }

  @Test func canBeClosedFromInsideARead() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop, capacity: 2)
      pair.farOwner.onRead = { stream, _ in stream.close() }
      try pair.far.startReading()
      #expect(write(pair.near, "more than one read") == .written(18))
      try turn(loop, until: { pair.farOwner.isClosed })
      #expect(pair.farOwner.reads == 1)
      #expect(pair.farOwner.endings == 0)
    }
  }

  @Test func tellsAResetAsAFailure() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop)
      try pair.near.startReading()
      // Closing a Unix socket with unread bytes resets the other side.
      #expect(write(pair.near, "never read") == .written(10))
      pair.far.close()
      try turn(loop, until: { pair.nearOwner.ending != nil })
      guard case .failed(let error) = pair.nearOwner.ending else {
        Issue.record("no failure: \(String(describing: pair.nearOwner.ending))")
        return
      }
      #expect(error.code == .connectionReset)
      #expect(error.call.description == "read")
    }
  }

  @Test func keepsItsOwnerUntilItIsClosedAndNoLonger() throws {
    try withLoop { loop in
      weak var weakOwner: Recorder?
      let pair: StreamHandle
      do {
        let both = try StreamPair(on: loop)
        weakOwner = both.farOwner
        try both.far.startReading()
        both.near.close()
        pair = both.far
      }
      #expect(weakOwner != nil)
      try turn(loop, until: { weakOwner?.ending == .endOfFile })
      pair.close()
      #expect(weakOwner != nil)
      try turn(loop, until: { weakOwner == nil })
    }
  }

  @Test func answersErrorsOnceItIsClosed() throws {
    try withLoop { loop in
      let pair = try StreamPair(on: loop)
      pair.near.close()
      pair.near.close()
      for _ in 0..<2 {
        guard case .failed = write(pair.near, "x") else {
          Issue.record("wrote to a closed stream")
          return
        }
        #expect(throws: UVError.self) { try pair.near.startReading() }
        #expect(throws: UVError.self) { try pair.near.shutdown { _ in } }
        #expect(throws: UVError.self) { try pair.near.open(0) }
        #expect(throws: UVError.self) { try pair.near.connect(toPath: "/x") { _ in } }
        #expect(throws: UVError.self) { _ = try pair.near.descriptor }
        #expect(throws: UVError.self) {
          try [UInt8(1)].withUnsafeBytes { try pair.near.write(copying: $0) }
        }
        #expect(pair.near.bytesToWrite == 0)
        try turn(loop, until: { pair.nearOwner.isClosed })
      }
    }
  }
}
