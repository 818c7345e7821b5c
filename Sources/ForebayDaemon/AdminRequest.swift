import ForebayConfig
import ForebayCore

/// The arguments of one command, taken one by one, and who sent it.
struct AdminRequest {
  private var arguments: ArraySlice<String>
  private let usage: String
  let level: AdminLevel
  let wantsJSON: Bool

  init(_ arguments: ArraySlice<String>, usage: String, level: AdminLevel, wantsJSON: Bool) {
    self.arguments = arguments
    self.usage = usage
    self.level = level
    self.wantsJSON = wantsJSON
  }

  var isEmpty: Bool { arguments.isEmpty }

  mutating func next() -> String? { arguments.popFirst() }

  /// Takes the next word if it is this one.
  mutating func take(_ word: String) -> Bool {
    guard arguments.first == word else { return false }
    arguments.removeFirst()
    return true
  }

  func isAt(_ word: String) -> Bool { arguments.first == word }

  mutating func required() throws(AdminError) -> String {
    guard let word = next() else { throw wrongUsage }
    return word
  }

  /// Nothing may be left over. To be called before anything is changed.
  func end() throws(AdminError) {
    guard arguments.isEmpty else { throw wrongUsage }
  }

  var wrongUsage: AdminError { AdminError(.usage, "usage: \(usage)") }

  // MARK: Kinds of arguments

  /// The last argument where it is a time; 30 seconds if there is none.
  mutating func timeout() throws(AdminError) -> TimeSpan {
    guard let word = next() else { return Self.timeoutDefault }
    return try Self.time(word)
  }
  static let timeoutDefault = TimeSpan.seconds(30)
  private static let timeMax = TimeSpan.seconds(86_400)

  /// `500ms`, `30s`, `5m`, `1h`; a number alone is seconds.
  static func time(_ word: String) throws(AdminError) -> TimeSpan {
    guard let time = Quantity.time(word) ?? Quantity.time(word + "s") else {
      throw AdminError(.badValue, "'\(word)' is no time; write 500ms, 30s or 5m")
    }
    guard time <= timeMax else { throw AdminError(.badValue, "at most 24h, not \(word)") }
    return time
  }

  mutating func count(_ name: String) throws(AdminError) -> UInt64 {
    let word = try required()
    guard let count = UInt64(word) else {
      throw AdminError(.badValue, "\(name): '\(word)' is no whole number")
    }
    return count
  }

  /// A route's name.
  mutating func route(_ daemon: Daemon) throws(AdminError) -> Int {
    try Self.route(required(), daemon)
  }

  /// A route's name, or `all`.
  mutating func routes(_ daemon: Daemon) throws(AdminError) -> [Int] {
    let word = try required()
    let names = daemon.routeNames
    if word == "all", !names.contains("all") { return Array(names.indices) }
    return [try Self.route(word, daemon)]
  }

  mutating func client() throws(AdminError) -> ClientID {
    let word = try required()
    guard let id = ClientID(word) else {
      throw AdminError(
        .badValue, "'\(word)' is no client's id; show clients lists them, such as 3.17")
    }
    return id
  }

  static func classIndex(_ name: String, _ daemon: Daemon) throws(AdminError) -> Int {
    let names = (0..<daemon.core.classCount).map { daemon.core.className($0) }
    guard let index = names.firstIndex(of: name) else {
      let known = names.joined(separator: ", ")
      throw AdminError(.notFound, "no class is named '\(name)'; there is \(known)")
    }
    return index
  }

  static func route(_ name: String, _ daemon: Daemon) throws(AdminError) -> Int {
    guard let route = daemon.routeNames.firstIndex(of: name) else {
      let known = daemon.routeNames.joined(separator: ", ")
      throw AdminError(.notFound, "no route is named '\(name)'; there is \(known)")
    }
    return route
  }
}

/// A request line: commands separated by `;`, words by blanks. A backslash takes the next character as
/// it is.
enum AdminLine {
  static func commands(_ line: String) -> [[String]] {
    var commands: [[String]] = [[]]
    var word: String?
    var isEscaped = false
    func endWord() {
      if let whole = word { commands[commands.count - 1].append(whole) }
      word = nil
    }
    for character in line.unicodeScalars {
      if isEscaped {
        word = (word ?? "") + String(character)
        isEscaped = false
      } else if character == "\\" {
        isEscaped = true
      } else if character == ";" {
        endWord()
        commands.append([])
      } else if character == " " || character == "\t" {
        endWord()
      } else {
        word = (word ?? "") + String(character)
      }
    }
    endWord()
    return commands.filter { !$0.isEmpty }
  }
}
