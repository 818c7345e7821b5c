/// A picture under construction: a few shapes on a card of its own, readable on a light page and on
/// a dark one. Colours are classes, which the reader's setting decides.
struct SVG: Sendable {
  enum Anchor: String, Sendable { case start, middle, end }

  struct Colour: Sendable {
    let name: String
    let light: String
    let dark: String
  }

  /// Roles of colour. Series are told apart by lightness too, for those who see few colours.
  static let palette = [
    Colour(name: "card", light: "#fbfbf8", dark: "#15191e"),
    Colour(name: "ink", light: "#1d2733", dark: "#e4e8ec"),
    Colour(name: "soft", light: "#5a6572", dark: "#9aa5b1"),
    Colour(name: "grid", light: "#dfe3e7", dark: "#2d343c"),
    Colour(name: "grey", light: "#a9b1ba", dark: "#7d8792"),
    Colour(name: "amber", light: "#d29a3a", dark: "#d9a548"),
    Colour(name: "sand", light: "#e8cf9f", dark: "#9c7c40"),
    Colour(name: "green", light: "#5f9e6e", dark: "#6fb580"),
    Colour(name: "violet", light: "#a678b4", dark: "#b48cc2"),
    Colour(name: "blue", light: "#1f6fae", dark: "#4fa3e0"),
  ]

  let width: Double
  let height: Double
  private let head: String
  private var shapes: [String] = []

  init(width: Double, height: Double, title: String, description: String) {
    self.width = width
    self.height = height
    head = """
      <svg xmlns="http://www.w3.org/2000/svg" \
      viewBox="0 0 \(decimal(width, places: 0)) \(decimal(height, places: 0))" role="img" \
      aria-labelledby="title desc" font-family="system-ui, 'DejaVu Sans', sans-serif" \
      font-size="12">
      <title id="title">\(Self.escape(title))</title>
      <desc id="desc">\(Self.escape(description))</desc>
      <style>
      \(Self.rules(\.light))
      @media (prefers-color-scheme: dark) {
      \(Self.rules(\.dark))
      }
      </style>
      """
    rect(x: 0, y: 0, width: width, height: height, "card", radius: 10)
  }

  var text: String { head + "\n" + shapes.joined(separator: "\n") + "\n</svg>" }

  mutating func rect(
    x: Double, y: Double, width: Double, height: Double, _ colour: String, radius: Double = 0
  ) {
    let corner = radius > 0 ? " rx=\"\(number(radius))\"" : ""
    shapes.append(
      "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(max(0, width)))\" "
        + "height=\"\(number(max(0, height)))\"\(corner) class=\"\(colour)\"/>")
  }

  mutating func circle(x: Double, y: Double, radius: Double, _ colour: String) {
    shapes.append(
      "<circle cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"\(number(radius))\" "
        + "class=\"\(colour)\"/>")
  }

  /// A line through points.
  mutating func path(_ points: [(x: Double, y: Double)], _ colour: String, thickness: Double = 1) {
    guard points.count > 1 else { return }
    let steps = points.map { "\(number($0.x)) \(number($0.y))" }.joined(separator: " L")
    shapes.append(
      "<path d=\"M\(steps)\" class=\"line-\(colour)\" stroke-width=\"\(number(thickness))\"/>")
  }

  mutating func label(
    _ words: String, x: Double, y: Double, _ anchor: Anchor = .start, _ colour: String = "ink",
    size: Double = 12, isBold: Bool = false, isUpright: Bool = false
  ) {
    let weight = isBold ? " font-weight=\"600\"" : ""
    let turn = isUpright ? " transform=\"rotate(-90 \(number(x)) \(number(y)))\"" : ""
    shapes.append(
      "<text x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor.rawValue)\" "
        + "font-size=\"\(number(size))\"\(weight)\(turn) class=\"\(colour)\">"
        + Self.escape(words) + "</text>")
  }

  private func number(_ value: Double) -> String {
    let text = decimal(value, places: 1)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  private static func rules(_ shade: KeyPath<Colour, String>) -> String {
    palette.map { colour in
      let value = colour[keyPath: shade]
      return ".\(colour.name){fill:\(value)} .line-\(colour.name){fill:none;stroke:\(value)}"
    }.joined(separator: "\n")
  }

  static func escape(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }
}
