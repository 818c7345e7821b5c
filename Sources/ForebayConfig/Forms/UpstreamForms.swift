extension Form where Value == String {
  /// Any text that isn't empty.
  static func text(longest: Int) -> Form {
    Form.of(
      FormLook(
        kind: "text", range: "1 to \(longest) bytes",
        schema: [
          JSON.Field("type", .text("string")), JSON.Field("minLength", .number(1)),
          JSON.Field("maxLength", .number(UInt64(longest))),
        ]), "text of 1 to \(longest) bytes",
      parse: { (1...longest).contains($0.utf8.count) ? $0 : nil }, print: YAMLText.printed)
  }

  static var filePath: Form {
    Form.of(
      FormLook(
        kind: "path", range: "",
        schema: [JSON.Field("type", .text("string")), JSON.Field("minLength", .number(1))]),
      "path of a file", parse: { $0.isEmpty ? nil : $0 }, print: YAMLText.printed)
  }

  /// It is read, and shown to nobody.
  static var secret: Form {
    Form(
      look: FormLook(
        kind: "secret", range: "",
        schema: [JSON.Field("type", .text("string")), JSON.Field("minLength", .number(1))]),
      read: { (written: Written) throws(FormProblem) -> String in
        let text = try written.text
        guard !text.isEmpty else { throw FormProblem("must not be empty") }
        return text
      }, print: { _ in "'***'" })
  }
}
