import ForebayCore
import ForebayWire

extension Form where Value == Bool {
  static var yesOrNo: Form {
    Form(
      look: FormLook(
        kind: "flag", range: "true or false", schema: [JSON.Field("type", .text("boolean"))]),
      read: { (written: Written) throws(FormProblem) -> Bool in
        switch try written.plainText("true or false") {
        case "true": return true
        case "false": return false
        case let text: throw FormProblem("\(Quoted.text(text)) is neither true nor false")
        }
      }, print: { $0 ? "true" : "false" })
  }
}

extension Form where Value == String {
  /// Where a Unix socket lies.
  static var socketPath: Form {
    let longest = 107
    return Form(
      look: FormLook(
        kind: "path", range: "at most \(longest) bytes",
        schema: text(["minLength": 1, "maxLength": UInt64(longest)])),
      read: { (written: Written) throws(FormProblem) -> String in
        let path = try written.text
        guard !path.isEmpty else { throw FormProblem("must not be empty") }
        guard path.utf8.count <= longest else {
          throw FormProblem(
            "has \(path.utf8.count) bytes; a socket's path has at most \(longest), choose a shorter one"
          )
        }
        guard !path.hasPrefix("@") else {
          throw FormProblem(
            "\(Quoted.text(path)) looks like an abstract socket, which has no permissions; write a path"
          )
        }
        return path
      }, print: YAMLText.printed)
  }

  /// What a route or a class is called.
  static var name: Form {
    let longest = 64
    return Form.of(
      FormLook(
        kind: "name", range: "1 to \(longest) letters, digits, '-', '_' or '.'",
        schema: [
          JSON.Field("type", .text("string")),
          JSON.Field("pattern", .text("^[A-Za-z0-9._-]{1,\(longest)}$")),
        ]),
      "name; write 1 to \(longest) letters, digits, '-', '_' or '.'",
      parse: { text in
        let isName = text.utf8.allSatisfy {
          switch $0 {
          case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "-"):
            true
          default: false
          }
        }
        return isName && (1...longest).contains(text.utf8.count) ? text : nil
      }, print: YAMLText.printed)
  }

  private static func text(_ bounds: KeyValuePairs<String, UInt64>) -> [JSON.Field] {
    [JSON.Field("type", .text("string"))] + bounds.map { JSON.Field($0.key, .number($0.value)) }
  }
}

extension Form where Value: RawRepresentable<String> & CaseIterable & Sendable & Equatable {
  /// One of a few words.
  static var choice: Form {
    let words = Value.allCases.map(\.rawValue)
    let said = words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
    return Form(
      look: FormLook(kind: "word", range: said, schema: [JSON.Field("enum", .texts(words))]),
      read: { (written: Written) throws(FormProblem) -> Value in
        let text = try written.text
        guard let value = Value(rawValue: text) else {
          throw FormProblem(
            "\(Quoted.text(text)) is none of \(words.joined(separator: ", "))"
              + Suggestion.text(for: text, among: words))
        }
        return value
      }, print: { $0.rawValue })
  }
}

extension Form where Value == FileMode {
  /// Permissions as `chmod` takes them. YAML tools differ in what 0660 is as a number: here it is
  /// always octal.
  static var mode: Form {
    Form.of(
      FormLook(
        kind: "mode", range: "0000 to 0777, octal",
        schema: [
          JSON.Field(
            "anyOf",
            .list([
              .object([JSON.Field("type", .text("integer")), JSON.Field("minimum", .number(0))]),
              .object([
                JSON.Field("type", .text("string")), JSON.Field("pattern", .text("^0?[0-7]{3}$")),
              ]),
            ]))
        ]), "mode; write it in octal, such as 0660",
      parse: { text in
        let digits = text.hasPrefix("0") && text.utf8.count == 4 ? text.dropFirst() : text[...]
        guard digits.utf8.count == 3, digits.utf8.allSatisfy({ (0x30...0x37).contains($0) }) else {
          return nil
        }
        return UInt32(digits, radix: 8).map(FileMode.init)
      }, print: { $0.description })
  }
}

extension Form where Value == UpstreamAddress {
  static var upstream: Form {
    Form(
      look: FormLook(
        kind: "url", range: UpstreamAddress.forms.joined(separator: ", "),
        schema: [
          JSON.Field("type", .text("string")),
          JSON.Field(
            "pattern",
            .text(
              "^(journal|forebay\\+unix|forebay\\+tcp|rediss?|redis\\+unix|nats|nats\\+tls|https?|"
                + "kafkas?|amqps?):.+$")),
        ]),
      read: { (written: Written) throws(FormProblem) -> UpstreamAddress in
        let text = try written.text
        do throws(UpstreamAddress.Problem) {
          return try UpstreamAddress(text)
        } catch {
          throw FormProblem(error.description)
        }
      }, print: { YAMLText.printed($0.description) })
  }
}

extension Form where Value == DaemonSettings.TCPAddress {
  static var loopback: Form {
    Form.of(
      FormLook(
        kind: "host:port", range: "a loopback address and a port",
        schema: [JSON.Field("type", .text("string")), JSON.Field("pattern", .text("^.+:[0-9]+$"))]),
      "address; write HOST:PORT, such as 127.0.0.1:7420", parse: DaemonSettings.TCPAddress.init,
      // A bracket would begin a list.
      print: { $0.host.contains(":") ? JSONString.quoted($0.description) : $0.description })
  }
}
