/// Leaves steps out of a failing script for as long as it fails in the same way. Each attempt runs in a
/// process of its own, so that a broken invariant, which ends the process, is a failure like others.
struct Shrinker {
  private let kind: String
  private var attempts = 0
  private static let attemptsMax = 600

  static func shrink(_ script: Script, _ failure: Simulation.Failure) -> Script {
    var shrinker = Shrinker(kind: failure.kind)
    var shrunk = script
    if let step = failure.step { shrunk.steps = Array(shrunk.steps.prefix(step + 1)) }
    var size = max(1, shrunk.steps.count / 2)
    while true {
      let before = shrunk.steps.count
      var start = 0
      while start < shrunk.steps.count, shrinker.attempts < attemptsMax {
        var shorter = shrunk
        shorter.steps.removeSubrange(start..<min(start + size, shrunk.steps.count))
        if shrinker.fails(shorter) { shrunk = shorter } else { start += size }
      }
      if shrinker.attempts >= attemptsMax || (size == 1 && shrunk.steps.count == before) {
        return shrunk
      }
      size = max(1, size / 2)
    }
  }

  private mutating func fails(_ script: Script) -> Bool {
    attempts += 1
    return Self.runApart(script)?.kind == kind
  }

  /// Runs a script in a child process. Returns how it failed.
  static func runApart(_ script: Script) -> Simulation.Failure? {
    let answer = Apart.run { pen in
      guard let failure = Simulation.run(script).failure else { return 0 }
      pen.write("\(failure.step.map(String.init) ?? "end")\n\(failure.text)")
      return 1
    }
    if answer.status == 0 { return nil }
    // The child tells its step first; one that died has told nothing but its last words.
    guard answer.status != nil, let newline = answer.said.firstIndex(of: "\n") else {
      return Simulation.Failure(step: nil, text: answer.lastWords)
    }
    return Simulation.Failure(
      step: Int(answer.said[..<newline]),
      text: String(answer.said[answer.said.index(after: newline)...]))
  }
}
