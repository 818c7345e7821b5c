/// A reply as people read it: a list as a table, a single object as two columns.
struct TableView {
  /// `title=path` or a path: what the daemon proposes, the most telling first. Empty: all that rows have.
  var columns: [String]
  var width = Int.max
  /// Every column, whatever the width.
  var isWide = false
  var hasHeader = true
  var hasColor = false

  init(columns: [String]) { self.columns = columns }

  func draw(_ value: JSONText) -> String {
    switch value {
    case .list(let rows):
      return table(rows.map { Dictionary(flatten($0)) { first, _ in first } }, rows)
    case .object: return pairs(flatten(value))
    case .string, .number, .flag, .null: return cell("", value).text + "\n"
    }
  }

  // MARK: Cells

  private struct Cell {
    var text: String
    var isNumber = false
    var width: Int { text.unicodeScalars.count }
  }

  private func cell(_ path: String, _ value: JSONText?) -> Cell {
    switch value {
    case nil, .null: Cell(text: "-")
    case .string(let string): Cell(text: string.isEmpty ? "-" : Self.harmless(string))
    case .flag(let flag): Cell(text: flag ? "yes" : "no")
    case .number(let number): Cell(text: HumanText.quantity(number, path), isNumber: true)
    case .object(let fields): Cell(text: fields.isEmpty ? "-" : value?.text ?? "")
    case .list(let values): Cell(text: values.isEmpty ? "-" : value?.text ?? "")
    }
  }

  /// Nothing that a terminal would obey.
  private static func harmless(_ text: String) -> String {
    func isControl(_ scalar: Unicode.Scalar) -> Bool {
      scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value)
        || scalar.properties.isBidiControl || scalar.value == 0x2028 || scalar.value == 0x2029
    }
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.map { isControl($0) ? "?" : $0 }))
  }

  /// Every single value with its path: `held.messages`, `routes[0].name`.
  private func flatten(_ value: JSONText, _ prefix: String = "") -> [(String, JSONText)] {
    switch value {
    case .object(let fields) where !fields.isEmpty:
      return fields.flatMap { flatten($1, prefix.isEmpty ? $0 : "\(prefix).\($0)") }
    case .list(let values) where !values.isEmpty:
      return values.enumerated().flatMap { flatten($1, "\(prefix)[\($0)]") }
    case .object, .list, .string, .number, .flag, .null: return [(prefix, value)]
    }
  }

  // MARK: An object

  private func pairs(_ fields: [(String, JSONText)]) -> String {
    let widest = fields.map(\.0.unicodeScalars.count).max() ?? 0
    return fields.map { path, value in
      let shown = cell(path, value)
      let name = path + String(repeating: " ", count: widest - path.unicodeScalars.count)
      return "\(painted(name, .name))  \(painted(shown.text, paint(shown.text, path)))\n"
    }.joined()
  }

  // MARK: A list

  private struct Column {
    var title: String
    var path: String
    var cells: [Cell]
    var isNumeric: Bool { cells.contains(where: \.isNumber) }
    var isEmpty: Bool { cells.allSatisfy { $0.text == "-" } }
    var width: Int { max(title.count, cells.map(\.width).max() ?? 0) }

    mutating func cut(to width: Int) {
      for index in cells.indices where cells[index].width > width {
        cells[index].text =
          String(String.UnicodeScalarView(cells[index].text.unicodeScalars.prefix(width - 1))) + "…"
      }
    }
  }

  private func table(_ rows: [[String: JSONText]], _ values: [JSONText]) -> String {
    guard !rows.isEmpty else { return painted("none", .name) + "\n" }
    let all = wanted(values).map { title, path in
      Column(title: title, path: path, cells: rows.map { cell(path, $0[path]) })
    }
    // A column in which nobody has anything takes space from those that say something.
    let telling = isWide ? all : all.filter { !$0.isEmpty }
    let (shown, left) = fitting(telling)
    var text = ""
    if hasHeader {
      let titles = shown.map { Cell(text: $0.title, isNumber: $0.isNumeric) }
      text += painted(line(titles, shown), .header) + "\n"
    }
    for index in rows.indices {
      text += line(shown.map { $0.cells[index] }, shown, paints: true) + "\n"
    }
    if left > 0, hasHeader {
      text += painted("(columns left out: \(left), see -o wide)", .name) + "\n"
    }
    return text
  }

  private func wanted(_ rows: [JSONText]) -> [(title: String, path: String)] {
    guard columns.isEmpty || isWide else {
      return columns.map { column in
        let parts = column.split(separator: "=", maxSplits: 1).map(String.init)
        return (parts[0].uppercased(), parts[parts.count - 1])
      }
    }
    var seen: Set<String> = []
    var found: [(title: String, path: String)] = []
    for row in rows {
      for (path, _) in flatten(row) where seen.insert(path).inserted {
        found.append((path.uppercased(), path))
      }
    }
    return found
  }

  private static let gap = 2

  /// A column of words is worth being cut off if so much of it can be seen.
  private static let cutWidthMin = 16

  /// The first columns that the width holds, and how many are left out. The first is always there; words
  /// that don't fit are cut off at the edge.
  private func fitting(_ columns: [Column]) -> ([Column], left: Int) {
    guard !isWide else { return (columns, 0) }
    var shown: [Column] = []
    var used = 0
    for var column in columns {
      let start = shown.isEmpty ? 0 : used + Self.gap
      if !shown.isEmpty, start + column.width > width {
        let room = width - start
        guard !column.isNumeric, room >= max(Self.cutWidthMin, column.title.count) else { break }
        column.cut(to: room)
        shown.append(column)
        break
      }
      used = start + column.width
      shown.append(column)
    }
    return (shown, columns.count - shown.count)
  }

  private func line(_ cells: [Cell], _ columns: [Column], paints: Bool = false) -> String {
    var line = ""
    for (index, cell) in cells.enumerated() {
      let blanks = String(repeating: " ", count: columns[index].width - cell.width)
      let text = paints ? painted(cell.text, paint(cell.text, columns[index].path)) : cell.text
      let isLast = index == cells.count - 1
      // Words to the left, numbers to the right; no blanks at a line's end.
      line += columns[index].isNumeric ? blanks + text : isLast ? text : text + blanks
      if !isLast { line += String(repeating: " ", count: Self.gap) }
    }
    return line
  }

  // MARK: Colour

  private enum Paint: String {
    case none = ""
    case header = "1"
    case name = "2"
    case bad = "31"
    case doubtful = "33"
  }

  private func painted(_ text: String, _ paint: Paint) -> String {
    hasColor && paint != .none ? "\u{1b}[\(paint.rawValue)m\(text)\u{1b}[0m" : text
  }

  private func paint(_ text: String, _ path: String) -> Paint {
    switch text {
    case "BREAKER_OPEN", "forced_open", "not ready": .bad
    case "open" where path.hasSuffix("breaker") || path.hasSuffix("breaker.state"): .bad
    case "half_open", "forced_closed", "paused", "held", "paused_and_held", "draining", "drained",
      "PAUSED", "DRAINING", "BUFFER_FULL", "FAIR_SHARE", "RECEIPTS_UNSEEN", "RATE_LIMITED":
      .doubtful
    case _: .none
    }
  }
}
