import Glibc
import Testing

@testable import forebayctl

@Suite struct LineReaderTests {
  /// What a reader makes of `input` that comes in the given pieces.
  private func lines(_ pieces: [String], lineBytesMax: Int = 100) -> [String] {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    defer { close(ends[0]) }
    var reader = LineReader(descriptor: ends[0], lineBytesMax: lineBytesMax)
    var lines: [String] = []
    var pieces = pieces[...]
    while true {
      switch reader.next() {
      case .line(let line): lines.append(String(decoding: line, as: UTF8.self))
      case .needsInput:
        if let piece = pieces.popFirst() {
          #expect(write(ends[1], piece, piece.utf8.count) == piece.utf8.count)
        } else {
          close(ends[1])
        }
        let isRead = reader.fill()
        #expect(isRead)
      case .end:
        #expect(reader.lineNumber == lines.count)
        return lines
      case .tooLong(let line): return lines + ["line \(line) is too long"]
      }
    }
  }

  @Test func aLineEndsWithANewlineOrTheInput() {
    #expect(lines(["a\n", "b"]) == ["a", "b"])
    #expect(lines(["a\nb\n"]) == ["a", "b"])
    #expect(lines(["a\r\n"]) == ["a\r"])
  }

  @Test func emptyLinesAreMessages() {
    #expect(lines(["\n\na\n\n"]) == ["", "", "a", ""])
  }

  @Test func noInputIsNoLine() {
    #expect(lines([]) == [])
  }

  @Test func aLineMayComeInPieces() {
    #expect(lines(["ab", "cd", "e\nf", "g\n"]) == ["abcde", "fg"])
  }

  @Test func theLongestLineIsRead() {
    let line = String(repeating: "x", count: 5)
    #expect(lines([line + "\n" + line], lineBytesMax: 5) == [line, line])
  }

  @Test func aLongerLineIsNamed() {
    #expect(lines(["a\n123456\n"], lineBytesMax: 5) == ["a", "line 2 is too long"])
    #expect(lines(["a\n", "123456"], lineBytesMax: 5) == ["a", "line 2 is too long"])
    #expect(lines(["a\n", "123", "456", "789"], lineBytesMax: 5) == ["a", "line 2 is too long"])
  }

  @Test func memoryIsForOneLineAndAChunk() {
    // Far more than the buffer, in lines of every length.
    let all = (0..<3_000).map { String(repeating: "y", count: $0 % 100) }
    let pieces = all.map { $0 + "\n" }
    #expect(lines(pieces) == all)
  }

  @Test func aLinePutBackComesAgain() {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    #expect(write(ends[1], "a\nb\n", 4) == 4)
    close(ends[1])
    defer { close(ends[0]) }
    var reader = LineReader(descriptor: ends[0], lineBytesMax: 10)
    let isRead = reader.fill()
    #expect(isRead)
    var seen: [String] = []
    for turn in 0..<4 {
      guard case .line(let line) = reader.next() else { break }
      seen.append(String(decoding: line, as: UTF8.self))
      if turn % 2 == 0 { reader.putBack() }
    }
    #expect(seen == ["a", "a", "b", "b"])
    #expect(reader.lineNumber == 2)
  }
}
