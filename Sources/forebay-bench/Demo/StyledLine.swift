/// A line of pieces with a colour each, whose width is known before colours are written.
///
/// Every character used takes one cell, so that a count of characters is a width.
struct StyledLine: Equatable, Sendable {
  enum Style: String, Sendable {
    case plain = ""
    case bold = "\u{1b}[1m"
    case dim = "\u{1b}[2m"
    case red = "\u{1b}[31m"
    case green = "\u{1b}[32m"
    case yellow = "\u{1b}[33m"
    case blue = "\u{1b}[34m"
    case cyan = "\u{1b}[36m"
  }

  private struct Piece: Equatable, Sendable {
    var text: String
    var style: Style
  }

  private var pieces: [Piece] = []
  private(set) var width = 0

  init(_ text: String = "", _ style: Style = .plain) { add(text, style) }

  mutating func add(_ text: String, _ style: Style = .plain) {
    guard !text.isEmpty else { return }
    pieces.append(Piece(text: text, style: style))
    width += text.count
  }

  mutating func add(_ other: StyledLine) {
    pieces += other.pieces
    width += other.width
  }

  /// Fills up with spaces.
  mutating func pad(to column: Int) {
    if column > width { add(String(repeating: " ", count: column - width)) }
  }

  /// At most `columns` cells of it, as text for a terminal.
  func rendered(columns: Int, isColoured: Bool) -> String {
    var result = ""
    var left = columns
    for piece in pieces where left > 0 {
      let text = piece.text.prefix(left)
      left -= text.count
      let isStyled = isColoured && piece.style != .plain
      result += isStyled ? piece.style.rawValue + text + "\u{1b}[0m" : String(text)
    }
    return result
  }
}

extension String {
  func leftPadded(_ width: Int) -> String {
    String(repeating: " ", count: max(0, width - count)) + self
  }
  func rightPadded(_ width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}

/// 1234567 as `1 234 567`.
func grouped(_ number: some BinaryInteger) -> String {
  let digits = Array(String(number))
  var result = ""
  for (index, digit) in digits.enumerated() {
    if index > 0, (digits.count - index) % 3 == 0 { result += " " }
    result.append(digit)
  }
  return result
}
