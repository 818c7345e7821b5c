import ForebayCore

/// `where reason=FAIR_SHARE held.messages>10 sort held.messages limit 5`, on a list's rows.
struct AdminQuery {
  enum Key {
    case number(Double)
    case text(String)
  }

  private enum Comparison {
    case equal, unequal, above, below
  }

  private struct Condition {
    let name: String
    let comparison: Comparison
    let wanted: String
  }

  private var conditions: [Condition] = []
  private(set) var sortKey: String?
  private var isAscending = false
  private(set) var limit: Int?

  /// `sample` is a row, for the names that there are; nil if there is none to look at.
  init(_ request: inout AdminRequest, sample: AdminValue?) throws(AdminError) {
    while let word = request.next() {
      switch word {
      case "where":
        conditions.append(try Self.condition(request.required(), sample))
      case "sort":
        var key = try request.required()
        isAscending = key.hasPrefix("-")
        if isAscending { key.removeFirst() }
        try Self.check(key, sample)
        sortKey = key
      case "limit":
        limit = Int(clamping: try request.count("limit"))
      case _ where !conditions.isEmpty && sortKey == nil && limit == nil:
        // Behind `where`, more of the same.
        conditions.append(try Self.condition(word, sample))
      case _:
        throw request.wrongUsage
      }
    }
  }

  private static func check(_ name: String, _ sample: AdminValue?) throws(AdminError) {
    guard let sample else { return }
    switch sample.field(name) {
    case nil: throw AdminError(.badValue, "there is no field '\(name)'; show one row to see them")
    case .object, .list:
      throw AdminError(.badValue, "'\(name)' has parts; write such as \(name).messages")
    case _: break
    }
  }

  private static func condition(
    _ word: String, _ sample: AdminValue?
  ) throws(AdminError) -> Condition {
    let signs: [(String, Comparison)] = [
      ("!=", .unequal), ("=", .equal), (">", .above), ("<", .below),
    ]
    for (sign, comparison) in signs {
      guard let place = word.firstRange(of: sign) else { continue }
      let name = String(word[..<place.lowerBound])
      try check(name, sample)
      return Condition(
        name: name, comparison: comparison, wanted: String(word[place.upperBound...]))
    }
    throw AdminError(.badValue, "'\(word)' is no condition; write such as uid=1000 or idle_ms>5000")
  }

  func lets(_ row: AdminValue) -> Bool {
    conditions.allSatisfy { condition in
      let plain = row.field(condition.name)?.plain ?? "-"
      switch condition.comparison {
      case .equal: return plain == condition.wanted
      case .unequal: return plain != condition.wanted
      case .above: return Self.isAbove(plain, condition.wanted)
      case .below: return Self.isAbove(condition.wanted, plain)
      }
    }
  }

  private static func isAbove(_ a: String, _ b: String) -> Bool {
    guard let first = Double(a), let second = Double(b) else { return false }
    return first > second
  }

  func key(of row: AdminValue) -> Key {
    let plain = sortKey.flatMap { row.field($0) }?.plain ?? "-"
    return Double(plain).map(Key.number) ?? .text(plain)
  }

  /// The largest number first, words by the alphabet; the other way round with `-`. What isn't a number
  /// comes last.
  func isBefore(_ a: Key, _ b: Key) -> Bool {
    switch (a, b) {
    case (.number(let first), .number(let second)): isAscending ? first < second : first > second
    case (.text(let first), .text(let second)): isAscending ? first > second : first < second
    case (.number, .text): true
    case (.text, .number): false
    }
  }
}
