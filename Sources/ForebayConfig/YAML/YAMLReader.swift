internal import CYAML

/// Reads the part of YAML that a configuration needs: mappings, sequences and scalars, once each.
///
/// Anchors, aliases, tags and several documents are refused: they make a file that says something else
/// than it seems to say, and an alias can unfold a small file into a large one.
package enum YAMLReader {
  /// A quarter of a megabyte: a thousand routes. It bounds what a reload costs.
  package static let bytesMax = 262_144
  /// Deeper than any setting.
  package static let depthMax = 12

  /// The document's root; nil if there is nothing but comments.
  package static func read(_ text: [UInt8]) throws(YAMLError) -> YAMLNode? {
    guard text.count <= bytesMax else {
      throw YAMLError(
        mark: YAMLMark(line: 1, column: 1), text: "the file is larger than \(bytesMax) bytes")
    }
    if let mark = indentingTab(text) {
      throw YAMLError(mark: mark, text: "a tab indents this line; write spaces")
    }
    let events = YAMLEvents(text)
    defer { events.close() }
    return try YAMLTree(events).document()
  }

  /// YAML forbids it, but says so in words that help nobody.
  private static func indentingTab(_ text: [UInt8]) -> YAMLMark? {
    var line = 1
    var column = 1
    var isIndent = true
    for byte in text {
      switch byte {
      case UInt8(ascii: "\n"):
        line += 1
        column = 0
        isIndent = true
      case UInt8(ascii: "\t") where isIndent: return YAMLMark(line: line, column: column)
      case UInt8(ascii: " "), UInt8(ascii: "\r"): break
      default: isIndent = false
      }
      column += 1
    }
    return nil
  }
}

/// Builds nodes from events.
private struct YAMLTree {
  private let events: YAMLEvents

  init(_ events: YAMLEvents) { self.events = events }

  func document() throws(YAMLError) -> YAMLNode? {
    var root: YAMLNode?
    var documents = 0
    while true {
      let event = try events.next()
      switch event.kind {
      case .end: return root
      case .start: documents += 1
      case .finish: break
      case .mapping, .sequence, .scalar: root = try node(event, depth: 1)
      }
      guard documents <= 1 else {
        throw YAMLError(
          mark: event.mark, text: "a second document begins here; one file holds one")
      }
    }
  }

  private func node(_ event: YAMLEvents.Event, depth: Int) throws(YAMLError) -> YAMLNode {
    guard depth <= YAMLReader.depthMax else {
      throw YAMLError(mark: event.mark, text: "this is nested too deeply")
    }
    switch event.kind {
    case .scalar(let text, let isPlain):
      return YAMLNode(.scalar(text, isPlain: isPlain), at: event.mark)
    case .sequence: return YAMLNode(.sequence(try items(depth)), at: event.mark)
    case .mapping: return YAMLNode(.mapping(try entries(depth)), at: event.mark)
    case .start, .finish, .end:
      throw YAMLError(mark: event.mark, text: "a value is missing here")
    }
  }

  private func items(_ depth: Int) throws(YAMLError) -> [YAMLNode] {
    var items: [YAMLNode] = []
    while true {
      let event = try events.next()
      if event.kind == .finish { return items }
      items.append(try node(event, depth: depth + 1))
    }
  }

  private func entries(_ depth: Int) throws(YAMLError) -> [YAMLNode.Entry] {
    var entries: [YAMLNode.Entry] = []
    var lines: [String: Int] = [:]
    while true {
      let event = try events.next()
      if event.kind == .finish { return entries }
      guard case .scalar(let key, _) = event.kind else {
        throw YAMLError(mark: event.mark, text: "a key must be a word")
      }
      if let line = lines.updateValue(event.mark.line, forKey: key) {
        throw YAMLError(
          mark: event.mark,
          text: "\(Quoted.text(key)) was given on line \(line) already; keep one of them")
      }
      let value = try node(try events.next(), depth: depth + 1)
      entries.append(YAMLNode.Entry(key: key, keyMark: event.mark, value: value))
    }
  }
}
