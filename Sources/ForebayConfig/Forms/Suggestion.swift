/// What somebody who mistyped a word probably meant.
package enum Suggestion {
  /// "; did you mean 'x'?", or nothing where no word is near.
  package static func text(for word: String, among known: [String]) -> String {
    nearest(to: word, among: known).map { "; did you mean '\($0)'?" } ?? ""
  }

  package static func nearest(to word: String, among known: [String]) -> String? {
    // A third of the letters may be wrong. Words that long aren't compared: it would only take time.
    let allowed = max(1, min(word.count, 40) / 3)
    guard word.count <= 80 else { return nil }
    var best: (word: String, distance: Int)?
    for candidate in known {
      let distance = Self.distance(Array(word.lowercased()), Array(candidate.lowercased()))
      if distance <= allowed, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.word
  }

  /// Insertions, deletions, changes and swaps of neighbours (optimal string alignment).
  private static func distance(_ a: [Character], _ b: [Character]) -> Int {
    var before: [Int] = []
    var last = Array(0...b.count)
    for i in 0..<a.count {
      var row = [i + 1]
      for j in 0..<b.count {
        var least = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          least = min(least, before[j - 1] + 1)
        }
        row.append(least)
      }
      before = last
      last = row
    }
    return last[b.count]
  }
}
