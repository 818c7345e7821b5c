/// How long the messages of one who behaves took, from when they were due to their receipts.
struct ServedLatency: Equatable, Sendable {
  var p50Microseconds: Double
  var p99Microseconds: Double
  var messages: UInt64

  var json: JSONObject {
    var json = JSONObject()
    json.set("messages", messages)
    json.set("p50Microseconds", p50Microseconds)
    json.set("p99Microseconds", p99Microseconds)
    return json
  }
}
