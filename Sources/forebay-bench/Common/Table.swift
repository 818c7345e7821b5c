/// Rows under headings, for a terminal and for a document.
struct Table: Equatable, Sendable {
  let headings: [String]
  /// So many columns from the left hold words; the others hold numbers and line up at the right.
  let words: Int
  private(set) var rows: [[String]] = []

  init(_ headings: [String], words: Int) {
    self.headings = headings
    self.words = words
  }

  /// A short row is filled up with empty cells.
  mutating func add(_ cells: [String]) {
    rows.append(
      Array(cells.prefix(headings.count))
        + Array(repeating: "", count: max(0, headings.count - cells.count)))
  }

  var text: String {
    let widths = headings.indices.map { column in
      ([headings] + rows).map { $0[column].count }.max() ?? 0
    }
    return ([headings] + rows).map { cells in
      var line = cells.enumerated().map { column, cell in
        let fill = String(repeating: " ", count: widths[column] - cell.count)
        return column < words ? cell + fill : fill + cell
      }.joined(separator: "  ")
      while line.last == " " { line.removeLast() }
      return line
    }.joined(separator: "\n")
  }

  var markdown: String {
    let rule = headings.indices.map { $0 < words ? "---" : "---:" }
    return ([headings, rule] + rows).map { "| " + $0.joined(separator: " | ") + " |" }
      .joined(separator: "\n")
  }
}
