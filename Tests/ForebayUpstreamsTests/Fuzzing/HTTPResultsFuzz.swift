import FuzzSupport

@testable import ForebayUpstreams

/// The answer of an HTTP server about single messages: a byte that says for how many, then the answer.
/// What is taken for JSON is JSON to a second reader, too, and nothing else is; there is a status for
/// each message, and each is one; what isn't taken has its reason, in a line.
enum HTTPResultsFuzz: FuzzTarget {
  static let name = "http"

  static func problem(with input: UnsafeRawBufferPointer) -> String? {
    guard let first = input.first else { return nil }
    let answer = UnsafeRawBufferPointer(rebasing: input.dropFirst())
    let messages = Int(first)
    let isJSON = JSONCheck.isValid(Array(answer))
    if JSONScan.isValue(answer) != isJSON { return "it is \(isJSON ? "" : "no ")JSON" }
    switch HTTPResults.read(answer, messages: messages) {
    case .statuses(let statuses):
      if !isJSON { return "statuses out of what is no JSON" }
      if statuses.count != messages { return "\(statuses.count) statuses for \(messages)" }
      if let strange = statuses.first(where: { !(200...599).contains($0) }) {
        return "\(strange) as a status"
      }
    case .garbage(let what):
      if what.isEmpty || what.contains("\n") { return "no reason" }
    }
    return nil
  }
}
