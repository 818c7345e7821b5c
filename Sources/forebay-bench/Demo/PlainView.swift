/// The same for a file or a pipe: a line a second with columns that stay where they are.
struct PlainView {
  let settings: DemoSettings

  static let heading =
    "  time    offered/s admitted/s delivered/s    held/bound     hub  shut  breaker    because"

  func line(_ scene: Scene) -> String {
    let shut = scene.producers.filter { $0.blockedShare >= 0.5 }
    let hub = scene.hub.map { "\($0.held)" } ?? "dead"
    return (seconds(scene.elapsed) + "s").leftPadded(6)
      + "\(Int(scene.offered.rounded()))".leftPadded(13)
      + "\(Int(scene.admitted.rounded()))".leftPadded(11)
      + "\(Int(scene.delivered.rounded()))".leftPadded(12)
      + "\(scene.buffer.held)/\(scene.buffer.bound)".leftPadded(14)
      + hub.leftPadded(8) + "\(shut.count)/\(scene.producers.count)".leftPadded(6)
      + "  " + scene.breaker.state.rightPadded(9) + "  " + reasons(scene)
  }

  func note(_ note: Scene.Note) -> String {
    (seconds(note.at) + "s").leftPadded(6) + "  -- " + note.text
  }

  /// Each once, in the order of the producers.
  private func reasons(_ scene: Scene) -> String {
    var reasons: [String] = []
    for case let reason? in scene.producers.map(\.reason) where !reasons.contains(reason) {
      reasons.append(reason)
    }
    return reasons.isEmpty ? "-" : reasons.joined(separator: ",")
  }
}
