import ForebayUV
import Glibc
import Testing

@Suite struct PollTests {
  /// Two ends of a stream.
  private func pair() -> (Int32, Int32) {
    var ends: [Int32] = [-1, -1]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    return (ends[0], ends[1])
  }

  @Test func tellsWhatIsPossible() throws {
    try withLoop { loop in
      let (near, far) = pair()
      defer { Glibc.close(far) }
      var seen: [Poll.Events?] = []
      let poll = try Poll(on: loop, descriptor: near) { seen.append($0) }
      poll.watch(.writable)
      try turn(loop, until: { seen.count > 1 })
      #expect(seen.allSatisfy { $0 == .writable })
      poll.watch(.readable)
      seen = []
      loop.runWithoutWaiting()
      #expect(seen.isEmpty, "nothing is there to read")
      #expect(write(far, "x", 1) == 1)
      try turn(loop, until: { !seen.isEmpty })
      #expect(seen.first == .readable)
      poll.watch([])
      seen = []
      loop.runWithoutWaiting()
      #expect(seen.isEmpty, "nothing is watched")
      poll.close()
      Glibc.close(near)
    }
  }

  /// The end of a stream is something to read.
  @Test func tellsOfTheEnd() throws {
    try withLoop { loop in
      let (near, far) = pair()
      var seen: [Poll.Events?] = []
      let poll = try Poll(on: loop, descriptor: near) { seen.append($0) }
      poll.watch(.readable)
      Glibc.close(far)
      try turn(loop, until: { !seen.isEmpty })
      #expect(seen.first != .some(.some([])))
      poll.close()
      Glibc.close(near)
    }
  }

  /// A number that was closed and given out again is a new socket.
  @Test func aNumberCanBeUsedAgain() throws {
    try withLoop { loop in
      let (first, far) = pair()
      let poll = try Poll(on: loop, descriptor: first) { _ in }
      poll.watch(.readable)
      poll.close()
      Glibc.close(first)
      Glibc.close(far)
      let (second, other) = pair()
      defer { Glibc.close(other) }
      var seen = 0
      let again = try Poll(on: loop, descriptor: second) { _ in seen += 1 }
      again.watch([.readable, .writable])
      try turn(loop, until: { seen > 0 })
      again.close()
      Glibc.close(second)
    }
  }

  @Test func whatIsNoSocketIsRefused() throws {
    try withLoop { loop in
      #expect(throws: UVError.self) { try Poll(on: loop, descriptor: 9_999) { _ in } }
    }
  }
}
