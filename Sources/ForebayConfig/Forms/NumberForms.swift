import ForebayCore

extension Form where Value: FixedWidthInteger & Sendable {
  /// A number of `unit`. It isn't quoted: a quoted number is a text in YAML.
  static func count(_ range: ClosedRange<Value>, _ unit: String = "") -> Form {
    let said = Self.said(range, unit)
    let look = FormLook(
      kind: "number", range: said,
      schema: [JSON.Field("type", .text("integer"))] + Self.bounds(range))
    return Form(
      look: look,
      read: { (written: Written) throws(FormProblem) -> Value in
        let text = try written.plainText("the number")
        guard let number = Quantity.number(text) else {
          throw FormProblem("\(Quoted.text(text)) is no number; write \(said)")
        }
        guard let value = Value(exactly: number), range.contains(value) else {
          throw FormProblem("must be \(said), not \(number)")
        }
        return value
      }, print: { String($0) })
  }

  /// A size in bytes.
  static func size(_ range: ClosedRange<Value>) -> Form {
    let high = range.upperBound == .max ? nil : Quantity.text(bytes: UInt64(range.upperBound))
    let low = Quantity.text(bytes: UInt64(range.lowerBound))
    let said = high.map { "\(low) to \($0)" } ?? "at least \(low)"
    let text: [JSON.Field] = [
      JSON.Field("type", .text("string")),
      JSON.Field("pattern", .text("^[0-9]+(B|KiB|MiB|GiB|k|K|M|G)?$")),
    ]
    let number = [JSON.Field("type", .text("integer"))] + Self.bounds(range)
    let look = FormLook(
      kind: "size", range: said,
      schema: [JSON.Field("anyOf", .list([.object(number), .object(text)]))])
    return Form.of(
      look, "size; write 65536, 64KiB or 64MiB",
      parse: { Quantity.bytes($0).map { Value(clamping: $0) } },
      print: { Quantity.text(bytes: UInt64($0)) }
    ).within(range, said)
  }

  private static func said(_ range: ClosedRange<Value>, _ unit: String) -> String {
    let text =
      range.upperBound == .max
      ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
    return unit.isEmpty ? text : "\(text) \(unit)"
  }

  private static func bounds(_ range: ClosedRange<Value>) -> [JSON.Field] {
    var bounds = [JSON.Field("minimum", .number(UInt64(range.lowerBound)))]
    if range.upperBound != .max {
      bounds.append(JSON.Field("maximum", .number(UInt64(range.upperBound))))
    }
    return bounds
  }
}

extension Form where Value == TimeSpan {
  static func time(_ range: ClosedRange<TimeSpan>) -> Form {
    let said =
      "\(Quantity.text(time: range.lowerBound)) to \(Quantity.text(time: range.upperBound))"
    let look = FormLook(
      kind: "time", range: said,
      schema: [
        JSON.Field("type", .text("string")), JSON.Field("pattern", .text("^[0-9]+(ms|s|m|h)$")),
      ])
    return Form.of(
      look, "time; write 500ms, 30s or 5m", parse: Quantity.time,
      print: { Quantity.text(time: $0) }
    ).within(range, said)
  }
}

extension Form where Value == Rate.Allowed? {
  /// `500/s`. Zero is no limit, as `--rate 0` always was.
  static var rate: Form {
    let text: [JSON.Field] = [
      JSON.Field("type", .text("string")), JSON.Field("pattern", .text("^([0-9]+(/[smh])?|none)$")),
    ]
    let number: [JSON.Field] = [
      JSON.Field("type", .text("integer")), JSON.Field("minimum", .number(0)),
    ]
    let look = FormLook(
      kind: "rate", range: "500/s, 30/m, 10/h or none",
      schema: [JSON.Field("anyOf", .list([.object(number), .object(text)]))])
    return Form(
      look: look,
      read: { (written: Written) throws(FormProblem) -> Rate.Allowed? in
        let text = try written.text
        if text == "none" { return nil }
        guard let rate = Rate.Allowed(text) else {
          throw FormProblem("\(Quoted.text(text)) is no rate; write 500/s, 30/m or none")
        }
        return rate.messages == 0 ? nil : rate
      }, print: { $0?.text ?? "none" })
  }
}
