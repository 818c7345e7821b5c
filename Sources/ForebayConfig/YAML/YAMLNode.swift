/// A value of a YAML document, with the line that it begins on.
package struct YAMLNode: Equatable, Sendable {
  package indirect enum Content: Equatable, Sendable {
    /// `isPlain`: written without quotes, so that it may be a number.
    case scalar(String, isPlain: Bool)
    case sequence([YAMLNode])
    case mapping([Entry])
  }

  package struct Entry: Equatable, Sendable {
    package let key: String
    package let keyMark: YAMLMark
    package let value: YAMLNode
  }

  package let content: Content
  package let mark: YAMLMark

  package init(_ content: Content, at mark: YAMLMark) {
    self.content = content
    self.mark = mark
  }

  /// Nothing was written: `key:` and no more.
  package var isEmpty: Bool { content == .scalar("", isPlain: true) }
}

/// A place in a file. Both count from 1, as editors do.
package struct YAMLMark: Equatable, Sendable {
  package let line: Int
  package let column: Int
  package init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }
}

/// Why a text is no document of ours.
package struct YAMLError: Error, Equatable, Sendable {
  package let mark: YAMLMark
  package let text: String
}
