/// The answer that says of each message of a batch what became of it, in the order of the batch:
///
///     HTTP/1.1 207 Multi-Status
///
///     {"results": [{"status": 202}, {"status": 422, "error": "no such order"}, …]}
///
/// One element a message, with a number `status` from 200 to 599. Whatever else stands in these objects
/// is skipped, if it is JSON. Anything else is garbage, and says nothing of any message.
enum HTTPResults {
  enum Outcome: Equatable {
    case statuses([UInt16])
    case garbage(String)
  }

  static func read(_ bytes: UnsafeRawBufferPointer, messages: Int) -> Outcome {
    var walk = JSONScan(bytes)
    guard walk.take(UInt8(ascii: "{")) else { return .garbage("it is no JSON object") }
    var statuses: [UInt16]?
    if !walk.take(UInt8(ascii: "}")) {
      repeat {
        guard walk.next() == UInt8(ascii: "\""), let name = walk.string(),
          walk.take(UInt8(ascii: ":"))
        else { return .garbage("it is no JSON") }
        guard walk.isText(name, "results") else {
          guard walk.skipValue(depth: 1) else { return .garbage("it is no JSON") }
          continue
        }
        guard statuses == nil else { return .garbage("it has 'results' twice") }
        switch list(&walk, messages: messages) {
        case .statuses(let found): statuses = found
        case .garbage(let what): return .garbage(what)
        }
      } while walk.take(UInt8(ascii: ","))
      guard walk.take(UInt8(ascii: "}")) else { return .garbage("it is no JSON") }
    }
    guard walk.isAtEnd else { return .garbage("something comes behind its end") }
    guard let statuses else { return .garbage("it has no 'results'") }
    guard statuses.count == messages else {
      return .garbage("it has \(statuses.count) results for \(messages) messages")
    }
    return .statuses(statuses)
  }

  private static func list(_ walk: inout JSONScan, messages: Int) -> Outcome {
    guard walk.take(UInt8(ascii: "[")) else { return .garbage("its 'results' are no array") }
    if walk.take(UInt8(ascii: "]")) { return .statuses([]) }
    var statuses: [UInt16] = []
    statuses.reserveCapacity(messages)
    repeat {
      guard statuses.count < messages else {
        return .garbage("it has more than \(messages) results for \(messages) messages")
      }
      switch result(&walk) {
      case .status(let one): statuses.append(one)
      case .garbage(let what): return .garbage(what)
      }
    } while walk.take(UInt8(ascii: ","))
    return walk.take(UInt8(ascii: "]")) ? .statuses(statuses) : .garbage("it is no JSON")
  }

  private enum Result {
    case status(UInt16)
    case garbage(String)
  }

  private static func result(_ walk: inout JSONScan) -> Result {
    guard walk.take(UInt8(ascii: "{")) else { return .garbage("a result is no object") }
    var status: UInt16?
    if !walk.take(UInt8(ascii: "}")) {
      repeat {
        guard walk.next() == UInt8(ascii: "\""), let name = walk.string(),
          walk.take(UInt8(ascii: ":"))
        else { return .garbage("it is no JSON") }
        guard walk.isText(name, "status") else {
          guard walk.skipValue(depth: 3) else { return .garbage("it is no JSON") }
          continue
        }
        guard status == nil, let number = walk.smallInteger(), (200...599).contains(number) else {
          return .garbage("a result's 'status' is no number from 200 to 599, or stands there twice")
        }
        status = UInt16(number)
      } while walk.take(UInt8(ascii: ","))
      guard walk.take(UInt8(ascii: "}")) else { return .garbage("it is no JSON") }
    }
    return status.map(Result.status) ?? .garbage("a result has no 'status'")
  }
}
