import ForebayCore
import Glibc

/// One process that attacks a socket until it is ended. It looks at its connections each millisecond, and
/// has only the processor time that nobody else wants (sched(7), SCHED_IDLE), as if it had a processor of
/// its own: what is measured is what it makes the daemon do, not what any busy process takes from others.
final class Attacker {
  private struct Connection {
    var descriptor: Int32 = -1
    var opening: ArraySlice<UInt8> = []
    var again: ArraySlice<UInt8> = []
    var nextByteAt = Instant(nanoseconds: 0)
  }

  private static let round: useconds_t = 1_000
  /// Of a flood, what one connection may write in a round.
  private static let bytesPerRound = 65_536
  /// SCHED_IDLE of <sched.h>, which Swift doesn't see without _GNU_SOURCE.
  private static let schedIdle: Int32 = 5
  /// What all of them together may connect in a round.
  private static let connectsPerRound = 20

  private let attack: Attack
  private let path: String
  private let again: [UInt8]
  private var connections: [Connection]

  init(_ attack: Attack, on path: String) {
    self.attack = attack
    self.path = path
    again = attack.again
    connections = Array(repeating: Connection(), count: attack.connections)
  }

  func run() throws -> Never {
    signal(SIGPIPE, SIG_IGN)
    try yieldToOthers()
    while true {
      var connectsLeft = Self.connectsPerRound
      for index in connections.indices {
        if connections[index].descriptor < 0 {
          guard connectsLeft > 0 else { continue }
          connectsLeft -= 1
          try connect(index)
        }
        send(index)
      }
      usleep(Self.round)
    }
  }

  private func yieldToOthers() throws {
    var parameters = sched_param()
    guard sched_setscheduler(0, Self.schedIdle, &parameters) == 0 else {
      throw Children.Failure(description: "SCHED_IDLE: \(String(cString: strerror(errno)))")
    }
  }

  private func connect(_ index: Int) throws {
    guard let descriptor = UnixConnection.open(path, waits: false) else { return }
    connections[index].descriptor = descriptor
    connections[index].opening = attack.opening[...]
    connections[index].again = again[...]
  }

  private func send(_ index: Int) {
    guard connections[index].descriptor >= 0 else { return }
    if let rate = attack.bytesPerSecond { return dribble(index, rate) }
    var left = Self.bytesPerRound
    while left > 0 {
      if !connections[index].opening.isEmpty {
        guard write(index, \.opening, atMost: left) else { return }
        if connections[index].opening.isEmpty, attack.leavesAtOnce { return end(index) }
        continue
      }
      guard !again.isEmpty else { return }
      if connections[index].again.isEmpty { connections[index].again = again[...] }
      let before = connections[index].again.count
      guard write(index, \.again, atMost: left) else { return }
      left -= before - connections[index].again.count
    }
  }

  private func dribble(_ index: Int, _ bytesPerSecond: Int) {
    let now = monotonicNow()
    guard now >= connections[index].nextByteAt else { return }
    connections[index].nextByteAt = now + .seconds(1) / UInt64(bytesPerSecond)
    if connections[index].opening.isEmpty { connections[index].opening = attack.opening[...] }
    _ = write(index, \.opening, atMost: 1)
  }

  /// False when the socket takes no more, or is gone.
  private func write(
    _ index: Int, _ part: WritableKeyPath<Connection, ArraySlice<UInt8>>, atMost most: Int
  ) -> Bool {
    let bytes = connections[index][keyPath: part].prefix(most)
    let count = bytes.withUnsafeBytes {
      Glibc.send(
        connections[index].descriptor, $0.baseAddress, $0.count,
        Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
    }
    if count < 0 {
      if errno != EAGAIN { end(index) }
      return false
    }
    connections[index][keyPath: part].removeFirst(count)
    return true
  }

  private func end(_ index: Int) {
    close(connections[index].descriptor)
    connections[index].descriptor = -1
  }
}
