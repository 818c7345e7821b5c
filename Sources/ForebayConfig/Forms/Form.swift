/// How a kind of value is written in a file, a variable or an option: read, printed, described.
struct Form<Value: Sendable & Equatable>: Sendable {
  let look: FormLook
  let read: @Sendable (Written) throws(FormProblem) -> Value
  /// As YAML on one line.
  let print: @Sendable (Value) -> String
}

/// What people are told of a form.
struct FormLook: Equatable, Sendable {
  /// One word, for `--help`: size, time, path.
  var kind: String
  /// What values are allowed: `1 to 5 %`.
  var range: String
  var schema: [JSON.Field]
  /// Whether a text is cut at commas into a list.
  var isList = false
}

/// What stands where a value is expected.
enum Written: Equatable, Sendable {
  /// Without quotes in a file; every variable's and option's text.
  case plain(String)
  case quoted(String)
  case list([Written])
}

/// What is wrong with a value, and what to write instead.
struct FormProblem: Error, Equatable, Sendable {
  let text: String
  init(_ text: String) { self.text = text }
}

extension Written {
  /// One value's text, whether quoted or not.
  var text: String {
    get throws(FormProblem) {
      switch self {
      case .plain(""): throw FormProblem("has no value; write one, or leave the line out")
      case .plain(let text), .quoted(let text): return text
      case .list: throw FormProblem("takes one value, not a list")
      }
    }
  }

  /// One value's text that mustn't be quoted.
  func plainText(_ what: String) throws(FormProblem) -> String {
    if case .quoted(let text) = self {
      throw FormProblem("\(Quoted.text(text)) is a text; write \(what) without quotes")
    }
    return try text
  }
}

extension Form {
  /// A form that is one text: `parse` gives nil for what it doesn't know, which is then no `what`.
  static func of(
    _ look: FormLook, _ what: String, parse: @escaping @Sendable (String) -> Value?,
    print: @escaping @Sendable (Value) -> String
  ) -> Form {
    Form(
      look: look,
      read: { (written: Written) throws(FormProblem) -> Value in
        let text = try written.text
        guard let value = parse(text) else {
          throw FormProblem("\(Quoted.text(text)) is no \(what)")
        }
        return value
      }, print: print)
  }

  /// The same form, but values outside `range` are refused.
  func within(_ range: ClosedRange<Value>, _ text: String) -> Form where Value: Comparable {
    let (read, print) = (self.read, self.print)
    return Form(
      look: look,
      read: { (written: Written) throws(FormProblem) -> Value in
        let value = try read(written)
        guard range.contains(value) else {
          throw FormProblem("must be \(text), not \(print(value))")
        }
        return value
      }, print: print)
  }
}

/// A value, or the word `none`.
func orNone<Value>(_ form: Form<Value>) -> Form<Value?> {
  var look = form.look
  look.range += look.range.isEmpty ? "or none" : ", or none"
  look.schema = [
    JSON.Field(
      "anyOf", .list([.object(form.look.schema), .object([.init("const", .text("none"))])]))
  ]
  return Form<Value?>(
    look: look,
    read: { (written: Written) throws(FormProblem) -> Value? in
      written == .plain("none") ? nil : try form.read(written)
    }, print: { $0.map(form.print) ?? "none" })
}

/// Several values. In a file `[a, b]`, or each on a line after a dash; elsewhere with commas.
func list<Value>(
  of form: Form<Value>, allowsEmpty: Bool = true, isSet: Bool = true
) -> Form<[Value]> {
  var look = form.look
  look.isList = true
  look.kind += "s"
  look.range = "a list" + (look.range.isEmpty ? "" : ": \(look.range)")
  var schema: [JSON.Field] = [
    JSON.Field("type", .text("array")), JSON.Field("items", .object(form.look.schema)),
  ]
  if !allowsEmpty { schema.append(JSON.Field("minItems", .number(1))) }
  look.schema = schema
  return Form<[Value]>(
    look: look,
    read: { (written: Written) throws(FormProblem) -> [Value] in
      guard case .list(let items) = written else {
        throw FormProblem("takes a list; write [\((try? written.text) ?? "")]")
      }
      guard allowsEmpty || !items.isEmpty else { throw FormProblem("must not be empty") }
      var values: [Value] = []
      for item in items {
        let value = try form.read(item)
        guard !isSet || !values.contains(value) else {
          throw FormProblem("\(form.print(value)) stands there twice")
        }
        values.append(value)
      }
      return values
    },
    print: { "[" + $0.map(form.print).joined(separator: ", ") + "]" })
}
