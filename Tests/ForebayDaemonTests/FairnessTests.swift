import ForebayWire
import Glibc
import Testing

/// Several users on one route: what one takes is not another's loss.
@Suite(.fewAtOnce, .enabled(if: OtherUsers.arePossible, OtherUsers.why)) struct FairnessTests {
  private let place = Workplace()

  private static let greedyUser = 4300

  /// Has always more to send than its windows allow.
  private func greedy(_ clients: Int, in daemon: DaemonProcess) throws -> Program {
    try OtherUsers.start(
      "forebay-bench",
      ["load", daemon.socket, "--clients", "\(clients)", "--duration", "10m", "--size", "100"],
      as: Self.greedyUser, in: place)
  }

  /// Modest users get what they ask for, however much somebody else wants, and those who have credit and
  /// don't use it give it back.
  @Test func modestUsersAreServedBesideAGreedyOne() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place, ["--rate", "1500", "--buffer-messages", "2000", "--buffer-bytes", "16MiB"])
    daemon.admitEverybody()
    let idleDoor = try await UserDoor(4200, to: daemon)
    let idle = (1...20).map { idleDoor.producer("idle\($0)") }
    for producer in idle { producer.offer(50) }
    try await turnUntilSettled(idle)
    #expect(try await daemon.openCredit(of: idleDoor.user) > 0, "idle, with credit")

    // In percent of what the upstream takes; an equal share would be 16.
    let wishes = [1, 2, 4, 6, 8]
    var modest: [Producer] = []
    for index in wishes.indices {
      modest.append(try await UserDoor(4201 + index, to: daemon).producer("modest\(index)"))
    }
    let greedy = try greedy(50, in: daemon)
    try await turn(idle + modest, until: "a full buffer") {
      try await daemon.state().heldMessages > 1000
    }
    let start = try await daemon.state().delivered
    var delivered: UInt64 = 0
    try await turn(idle + modest, until: "enough to compare") {
      delivered = try await daemon.state().delivered - start
      // They offer as the upstream takes: whatever the machine's speed, their shares stay modest.
      for (producer, wish) in zip(modest, wishes) {
        let due = delivered * UInt64(wish) / 100
        producer.offer(Int(due - min(due, producer.highest)), payloadBytes: 100)
      }
      return delivered >= 6000
    }
    let ratios = modest.map { Double($0.outcomes.count) / Double($0.highest) }
    let index = jainIndex(ratios)
    print(
      "fairness: \(modest.count) modest users beside a greedy one: delivered ÷ offered "
        + "\(ratios.map { $0.thousandths }), Jain index \(index.thousandths)")
    #expect(index >= 0.95)
    #expect(ratios.allSatisfy { $0 > 0.8 })
    #expect(greedy.isRunning && modest.allSatisfy { $0.errors.isEmpty })
    #expect(try await daemon.openCredit(of: idleDoor.user) == 0, "idle credit was taken back")
    #expect(idle.allSatisfy { $0.errors.isEmpty && $0.connects == 1 })

    greedy.kill(SIGKILL)
    try await turnUntilSettled(modest)
    #expect(try await daemon.state().isBalanced)
    #expect(try await daemon.stop() == 0)
    try JournalContents(daemon.journal).of(modest).expectExactly(modest)
  }

  /// A user is one, with a thousand connections as with one.
  @Test func aThousandConnectionsGetOneUsersShare() async throws {
    let daemon = try await DaemonProcess.ready(
      in: place, ["--rate", "1000", "--buffer-messages", "4000", "--buffer-bytes", "8MiB"])
    daemon.admitEverybody()
    var others: [Producer] = []
    for user in 4201...4203 {
      others.append(try await UserDoor(user, to: daemon).producer("user\(user)"))
    }
    let greedy = try greedy(1000, in: daemon)
    func wantMore() {
      for producer in others {
        producer.offer(max(0, 2000 - producer.unsettledCount), payloadBytes: 100)
      }
    }
    // From here on all want more than they get.
    try await turn(others, until: "all at work") {
      wantMore()
      try #require(greedy.isRunning, "\(greedy.errors)")
      let state = try await daemon.state()
      return state.number("clients") == 1003 && state.heldMessages > 2000
        && others.allSatisfy { $0.count(.delivered) > 0 }
    }
    func totals() async throws -> [Double] {
      let all = try await daemon.state().delivered
      let own = others.map { UInt64($0.count(.delivered)) }
      return ([all - min(all, own.reduce(0, +))] + own).map { Double($0) }
    }
    let before = try await totals()
    var shares: [Double] = []
    try await turn(others, until: "enough to compare") {
      wantMore()
      try #require(greedy.isRunning, "\(greedy.errors)")
      shares = zip(try await totals(), before).map { $0 - $1 }
      return shares.reduce(0, +) >= 6000
    }
    let index = jainIndex(shares)
    let parts = shares.map { ($0 / shares.reduce(0, +)).thousandths }
    print(
      "fairness: of 6000 messages a user with 1000 connections got \(parts[0]), those with one "
        + "\(parts.dropFirst().joined(separator: ", ")), Jain index \(index.thousandths)")
    #expect(index >= 0.95)
    greedy.kill(SIGKILL)
    try await turnUntilSettled(others)
    #expect(others.allSatisfy { $0.errors.isEmpty && $0.connects == 1 })
    #expect(try await daemon.stop() == 0)
    try JournalContents(daemon.journal).of(others).expectExactly(others)
  }
}

/// 1 where all have the same, 1/n where one has everything.
private func jainIndex(_ values: [Double]) -> Double {
  let sum = values.reduce(0, +)
  let squares = values.reduce(0) { $0 + $1 * $1 }
  return squares == 0 ? 0 : sum * sum / (Double(values.count) * squares)
}

extension Double {
  fileprivate var thousandths: String {
    let rounded = Int((self * 1000).rounded())
    let digits = "\(rounded % 1000)"
    return "\(rounded / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
  }
}

extension DaemonProcess {
  /// What a user's clients may still send, in messages.
  fileprivate func openCredit(of user: Int) async throws -> UInt64 {
    let clients = DaemonState(try #require(try await admin("show clients")))
    var open: UInt64 = 0
    for index in 0..<5000 {
      let entry = "[\(index)]"
      guard !clients.text("\(entry).uid").isEmpty else { break }
      guard clients.number("\(entry).uid") == UInt64(user) else { continue }
      open +=
        clients.number("\(entry).limit.messages") - clients.number("\(entry).received.messages")
    }
    return open
  }
}
