import ForebayWire

/// A JSON object under construction, its keys in the order in which they were set.
struct JSONObject: Sendable {
  private var members: [(key: String, value: String)] = []

  mutating func set(_ key: String, _ value: some BinaryInteger) {
    members.append((key, String(value)))
  }
  mutating func set(_ key: String, _ value: Bool) {
    members.append((key, value ? "true" : "false"))
  }
  mutating func set(_ key: String, _ value: String) {
    members.append((key, JSONString.quoted(value)))
  }
  mutating func set(_ key: String, _ value: JSONObject) { members.append((key, value.text)) }
  mutating func set(_ key: String, _ values: [JSONObject]) {
    members.append((key, "[" + values.map(\.text).joined(separator: ",") + "]"))
  }
  mutating func set(_ key: String, _ values: [String]) {
    members.append((key, "[" + values.map(JSONString.quoted).joined(separator: ",") + "]"))
  }
  mutating func set(_ key: String, _ values: [Double], places: Int = 3) {
    members.append(
      (key, "[" + values.map { decimal($0, places: places) }.joined(separator: ",") + "]"))
  }
  mutating func set(_ key: String, _ value: Double, places: Int = 3) {
    members.append((key, value.isFinite ? decimal(value, places: places) : "null"))
  }

  var text: String {
    "{" + members.map { JSONString.quoted($0.key) + ":" + $0.value }.joined(separator: ",") + "}"
  }
}

/// `value` with a fixed number of decimal places; there is no Foundation here to do it.
func decimal(_ value: Double, places: Int) -> String {
  guard value.isFinite, value.magnitude < 1e15 else { return value.isFinite ? "\(value)" : "null" }
  var scale = 1.0
  for _ in 0..<places { scale *= 10 }
  let scaled = Int((value.magnitude * scale).rounded())
  let sign = value < 0 && scaled != 0 ? "-" : ""
  guard places > 0 else { return sign + String(scaled) }
  let digits = String(scaled % Int(scale))
  return sign + String(scaled / Int(scale)) + "."
    + String(repeating: "0", count: places - digits.count) + digits
}
