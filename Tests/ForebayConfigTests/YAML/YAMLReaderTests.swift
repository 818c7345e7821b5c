import Testing

@testable import ForebayConfig

struct YAMLReaderTests {
  private func read(_ text: String) throws(YAMLError) -> YAMLNode? {
    try YAMLReader.read(Array(text.utf8))
  }

  @Test func keepsWhereEverythingStands() throws {
    let root = try #require(try read("# first\nlog: info\nroutes:\n  - name: 'a'\n    b: [1, 2]\n"))
    guard case .mapping(let entries) = root.content else { return #expect(Bool(false)) }
    #expect(entries.map(\.key) == ["log", "routes"])
    #expect(entries.map(\.keyMark) == [.init(line: 2, column: 1), .init(line: 3, column: 1)])
    #expect(
      entries[0].value == YAMLNode(.scalar("info", isPlain: true), at: .init(line: 2, column: 6)))
    guard case .sequence(let items) = entries[1].value.content,
      case .mapping(let inner) = items[0].content
    else { return #expect(Bool(false)) }
    #expect(items[0].mark == .init(line: 4, column: 5))
    #expect(inner[0].value.content == .scalar("a", isPlain: false))
    #expect(inner[1].keyMark.line == 5)
    guard case .sequence(let numbers) = inner[1].value.content else { return #expect(Bool(false)) }
    #expect(numbers.map(\.content) == [.scalar("1", isPlain: true), .scalar("2", isPlain: true)])
  }

  @Test(arguments: ["", "\n\n", "# only words\n", "---\n# words\n"])
  func nothingIsNoProblem(_ text: String) throws {
    let root = try read(text)
    #expect(root == nil || root?.isEmpty == true)
  }

  @Test(arguments: [
    ("a: 1\na: 2\n", 2, "'a' was given on line 1 already; keep one of them"),
    ("a: &x 1\n", 1, "anchors (&name) aren't taken; write the value out"),
    ("a: &x [1]\n", 1, "anchors (&name) aren't taken; write the value out"),
    ("a: &x {b: 1}\n", 1, "anchors (&name) aren't taken; write the value out"),
    ("a: 1\nb: *x\n", 2, "aliases (*name) aren't taken; write the value again"),
    ("a: !!str 1\n", 1, "tags (!name) aren't taken; leave it out"),
    ("a: !x [1]\n", 1, "tags (!name) aren't taken; leave it out"),
    ("a:\n\tb: 1\n", 2, "a tab indents this line; write spaces"),
    ("a: 1\n  \t# words\n", 2, "a tab indents this line; write spaces"),
    ("a: 1\n---\nb: 2\n", 2, "a second document begins here; one file holds one"),
    ("? [a, b]\n: 1\n", 1, "a key must be a word"),
    ("{a: 1}: 2\n", 1, "a key must be a word"),
    ("a: [1\nb: 2\n", 2, "no YAML: did not find expected ',' or ']'"),
    ("a: 1\nb: 2: 3\n", 2, "no YAML: mapping values are not allowed in this context"),
    ("a: 'x\n", 2, "no YAML: found unexpected end of stream"),
    ("a: \u{1}\n", 1, "no YAML: control characters are not allowed"),
    ("\n\n" + String(repeating: "[", count: 13), 3, "this is nested too deeply"),
  ])
  func refuses(_ text: String, _ line: Int, _ said: String) {
    #expect {
      try read(text)
    } throws: { error in
      let error = error as? YAMLError
      #expect(error?.mark.line == line && error?.text == said, "\(String(describing: error))")
      return error != nil
    }
  }

  @Test func refusesBytesThatAreNoText() {
    #expect {
      try YAMLReader.read(Array("a: 1\nb: ".utf8) + [0xff, 0xfe])
    } throws: {
      $0 as? YAMLError
        == YAMLError(
          mark: .init(line: 2, column: 4), text: "no YAML: invalid leading UTF-8 octet")
    }
  }

  @Test func refusesWhatIsTooLarge() throws {
    let most = Array("#".utf8) + Array(repeating: UInt8(ascii: "x"), count: YAMLReader.bytesMax - 1)
    #expect(try YAMLReader.read(most) == nil)
    #expect(throws: YAMLError.self) { try YAMLReader.read(most + [UInt8(ascii: "x")]) }
  }

  /// Whatever comes, it is read or refused, with a line that exists.
  @Test(arguments: 0..<40) func neverTraps(_ seed: UInt64) {
    var random = Seeded(seed)
    for _ in 0..<100 {
      let text = seed % 2 == 0 ? Self.bytes(&random) : Self.pieces(&random)
      // YAML ends lines with U+2028 and U+0085, too.
      let lines = text.count { [0x0a, 0x0d, 0x85, 0xa8, 0xa9].contains($0) } + 1
      do throws(YAMLError) {
        _ = try YAMLReader.read(text)
      } catch {
        #expect((1...lines + 1).contains(error.mark.line), "seed \(seed): \(text)")
      }
    }
  }

  static func bytes(_ random: inout Seeded) -> [UInt8] {
    (0..<Int.random(in: 0...200, using: &random)).map { _ in .random(in: 0...255, using: &random) }
  }

  /// Much of what YAML means something by.
  static func pieces(_ random: inout Seeded) -> [UInt8] {
    let pieces = [
      "a", "routes", "name", ": ", ":", "\n", "\n  ", "\n    ", "- ", "[", "]", "{", "}", ", ", "'",
      "\"",
      "|\n", ">\n", "#", "&a ", "*a", "!t ", "? ", "---\n", "...\n", "%YAML 1.1\n", "\t", "1",
      "64MiB",
      "30s", "none", "\\", "<<", "é", "\u{2028}", "breaker", "classes", "sockets", "path",
    ]
    let count = Int.random(in: 0...60, using: &random)
    return (0..<count).flatMap { _ in Array(pieces.randomElement(using: &random)!.utf8) }
  }
}
