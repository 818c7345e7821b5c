internal import CYAML

/// libyaml's events, one at a time, with what we don't want refused.
final class YAMLEvents {
  struct Event: Equatable {
    enum Kind: Equatable {
      case scalar(String, isPlain: Bool)
      case sequence, mapping
      /// The end of a sequence, a mapping or a document.
      case finish
      /// A document begins.
      case start
      /// Nothing comes after this.
      case end
    }
    let kind: Kind
    let mark: YAMLMark
  }

  /// On the heap, because libyaml keeps its own address in it.
  private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
  private let text: UnsafeMutableBufferPointer<UInt8>
  private var isOpen: Bool

  init(_ bytes: [UInt8]) {
    text = .allocate(capacity: max(1, bytes.count))
    _ = text.initialize(from: bytes)
    isOpen = yaml_parser_initialize(parser) == 1
    guard isOpen else { return }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, text.baseAddress, bytes.count)
  }

  func close() {
    if isOpen { yaml_parser_delete(parser) }
    isOpen = false
  }

  deinit {
    close()
    parser.deallocate()
    text.deallocate()
  }

  func next() throws(YAMLError) -> Event {
    guard isOpen else { throw YAMLError(mark: YAMLMark(line: 1, column: 1), text: "no memory") }
    var event = yaml_event_t()
    while true {
      guard yaml_parser_parse(parser, &event) == 1 else { throw failure() }
      defer { yaml_event_delete(&event) }
      if event.type != YAML_STREAM_START_EVENT { return try translated(event) }
    }
  }

  private func translated(_ event: yaml_event_t) throws(YAMLError) -> Event {
    let mark = Self.mark(event.start_mark)
    switch event.type {
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      try refuseExtras(scalar.anchor, scalar.tag, mark)
      let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      return Event(
        kind: .scalar(
          String(decoding: bytes, as: UTF8.self),
          isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE), mark: mark)
    case YAML_SEQUENCE_START_EVENT:
      try refuseExtras(event.data.sequence_start.anchor, event.data.sequence_start.tag, mark)
      return Event(kind: .sequence, mark: mark)
    case YAML_MAPPING_START_EVENT:
      try refuseExtras(event.data.mapping_start.anchor, event.data.mapping_start.tag, mark)
      return Event(kind: .mapping, mark: mark)
    case YAML_ALIAS_EVENT:
      throw YAMLError(mark: mark, text: "aliases (*name) aren't taken; write the value again")
    case YAML_DOCUMENT_START_EVENT: return Event(kind: .start, mark: mark)
    case YAML_STREAM_END_EVENT, YAML_NO_EVENT: return Event(kind: .end, mark: mark)
    default: return Event(kind: .finish, mark: mark)
    }
  }

  private func refuseExtras(
    _ anchor: UnsafeMutablePointer<UInt8>?, _ tag: UnsafeMutablePointer<UInt8>?, _ mark: YAMLMark
  ) throws(YAMLError) {
    if anchor != nil {
      throw YAMLError(mark: mark, text: "anchors (&name) aren't taken; write the value out")
    }
    if tag != nil { throw YAMLError(mark: mark, text: "tags (!name) aren't taken; leave it out") }
  }

  private func failure() -> YAMLError {
    let state = parser.pointee
    let said = state.problem.map { String(cString: $0) } ?? "this can't be read"
    // Where the bytes are no text, libyaml knows the offset only.
    if state.error == YAML_READER_ERROR {
      let before = text.prefix(state.problem_offset)
      let line = before.count { $0 == UInt8(ascii: "\n") } + 1
      let column = before.reversed().prefix { $0 != UInt8(ascii: "\n") }.count + 1
      return YAMLError(mark: YAMLMark(line: line, column: column), text: "no YAML: \(said)")
    }
    return YAMLError(mark: Self.mark(state.problem_mark), text: "no YAML: \(said)")
  }

  private static func mark(_ mark: yaml_mark_t) -> YAMLMark {
    YAMLMark(line: mark.line + 1, column: mark.column + 1)
  }
}
