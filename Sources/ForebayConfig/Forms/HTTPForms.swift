import ForebayWire

/// What RFC 9110 allows in headers.
private enum HeaderText {
  /// A token.
  static func isName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 128
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
      }
  }

  /// Printable ASCII, so that no line begins inside.
  static func isValue(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { (0x20...0x7e).contains($0) }
  }
}

extension Form where Value == HTTPHeader.Name {
  static var headerName: Form {
    Form.of(
      FormLook(
        kind: "name", range: "a header's name",
        schema: [
          JSON.Field("type", .text("string")), JSON.Field("minLength", .number(1)),
          JSON.Field("maxLength", .number(128)),
        ]), "header's name; write one such as Idempotency-Key",
      parse: { HeaderText.isName($0) ? HTTPHeader.Name($0) : nil },
      print: { YAMLText.printed($0.text) })
  }
}

extension Form where Value == String {
  /// Text on one line.
  static func headerValue(longest: Int) -> Form {
    Form.of(
      FormLook(
        kind: "text", range: "1 to \(longest) bytes of printable ASCII",
        schema: [
          JSON.Field("type", .text("string")), JSON.Field("minLength", .number(1)),
          JSON.Field("maxLength", .number(UInt64(longest))),
        ]), "value of a header; write printable ASCII",
      parse: { HeaderText.isValue($0) && $0.utf8.count <= longest ? $0 : nil },
      print: YAMLText.printed)
  }
}

extension Form where Value == HTTPHeader {
  /// `Name: value`. Values may be secrets: they are shown to nobody.
  static var header: Form {
    let longest = 4_096
    return Form(
      look: FormLook(
        kind: "header", range: "Name: value",
        schema: [
          JSON.Field("type", .text("string")), JSON.Field("minLength", .number(4)),
          JSON.Field("maxLength", .number(UInt64(longest))),
        ]),
      read: { (written: Written) throws(FormProblem) -> HTTPHeader in
        let text = try written.text
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let name = String(parts[0])
        guard parts.count == 2, HeaderText.isName(name) else {
          throw FormProblem("a header is written as 'Name: value', in quotes")
        }
        let value = String(parts[1].drop { $0 == " " })
        guard HeaderText.isValue(value), text.utf8.count <= longest else {
          throw FormProblem("the value of \(name) is empty, too long, or not printable ASCII")
        }
        if let setting = HTTPHeader.ours[name.lowercased()] {
          throw FormProblem("\(name) is not for here; what decides on it: \(setting)")
        }
        return HTTPHeader(name: HTTPHeader.Name(name), value: value)
      }, print: { "\($0.name.text):***" })
  }
}

extension Form where Value == HTTPStatusRule {
  static var statusRule: Form {
    Form.of(
      FormLook(
        kind: "rule", range: "STATUS=MEANING: 404=rejected, 5xx=failed",
        schema: [
          JSON.Field("type", .text("string")),
          JSON.Field(
            "pattern", .text("^([2-5][0-9][0-9]|[2-5]xx)=(accepted|failed|throttled|rejected)$")),
        ]),
      "rule for a status; write 404=rejected or 5xx=failed, of accepted, failed, throttled, rejected",
      parse: HTTPStatusRule.init, print: { $0.text })
  }
}
