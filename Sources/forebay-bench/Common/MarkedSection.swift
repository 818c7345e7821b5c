/// A text that is kept between two marks of a document, such as a table between prose.
enum MarkedSection {
  static func begin(_ name: String) -> String { "<!-- \(name): begin -->" }
  static func end(_ name: String) -> String { "<!-- \(name): end -->" }

  /// `document` with what is between the marks replaced; nil if it hasn't both marks in order.
  static func replace(_ name: String, in document: String, with text: String) -> String? {
    guard let begin = document.firstRange(of: begin(name)),
      let end = document[begin.upperBound...].firstRange(of: end(name))
    else { return nil }
    return document[..<begin.upperBound] + "\n" + text + "\n" + document[end.lowerBound...]
  }
}
