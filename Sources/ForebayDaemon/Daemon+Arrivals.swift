import ForebayCore
import ForebayUV
import ForebayWire

// Who connects too often waits for its turn, or is refused, as the core says.
extension Daemon {
  /// Lets a connection in, now or when it is its turn. Until then nothing is read from it.
  func inItsTurn(
    _ stream: StreamHandle, _ key: PrincipalKey,
    _ enter: @escaping (Daemon, _ hasWaited: Bool) -> Void
  ) {
    let now = callbackBegan()
    switch core.clientArrived(key, waiting: waitingRoom.count, now: now) {
    case .admit: enter(self, false)
    case .wait(let until):
      waitingRoom.add(WaitingRoom.Arrival(due: until, enter: enter))
      arrivalTimer?.fire(at: waitingRoom.nextDue(now).nanoseconds)
    case .refuse:
      // It was counted when it came before; being refused makes nobody wait for longer.
      core.connectionRefused(.tooManyConnections, key, hasWaited: true, now: now)
      noteRefused(.tooManyConnections, key)
      Refusal.send(GoAway(.tooManyConnections, deadlineMilliseconds: 0), on: stream, self)
    }
  }

  func letIn() {
    let now = callbackBegan()
    for _ in 0..<Self.lettingInMax {
      guard let arrival = waitingRoom.takeDue(now) else { break }
      arrival.enter(self, true)
    }
    guard waitingRoom.count > 0 else { return }
    arrivalTimer?.fire(at: waitingRoom.nextDue(now).nanoseconds)
  }
  /// In one turn, whatever is due.
  private static let lettingInMax = 16
}
