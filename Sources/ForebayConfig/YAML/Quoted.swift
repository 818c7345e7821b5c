/// What somebody wrote, fit for a line of a message: in quotes, without control characters, and cut.
package enum Quoted {
  private static let charactersMax = 60

  package static func text(_ text: String) -> String {
    var quoted = "'"
    for (count, scalar) in text.unicodeScalars.enumerated() {
      guard count < charactersMax else { return quoted + "…'" }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned:
        quoted += "\\u{\(String(scalar.value, radix: 16))}"
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "'"
  }
}
