import ForebayWire
import Testing

@Suite struct ExtensionsTests {
  @Test func padsToFourBytes() {
    for count in 0..<9 {
      let list = extensionList((.key, [UInt8](repeating: 0xff, count: count)))
      #expect(list.count == 4 + (count + 3) / 4 * 4)
      #expect(list.prefix(4) == [1, 0, 0, UInt8(count)])
      #expect(list.dropFirst(4 + count).allSatisfy { $0 == 0 })
    }
  }

  @Test func walksInOrder() {
    let list = extensionList(
      (.header, [1, 2, 3]), (.key, []), (.header, [4]), (ExtensionType(rawValue: 90), [5, 6, 7, 8]))
    let found = walk(list)
    #expect(found.entries.map(\.0) == [2, 1, 2, 90])
    #expect(found.entries.map(\.1) == [[1, 2, 3], [], [4], [5, 6, 7, 8]])
    #expect(!found.isMalformed)
  }

  @Test func stopsAtTheFirstThatDoesNotFit() {
    let good = extensionList((.key, [1, 2, 3]))
    for bad: [UInt8] in [
      [1], [1, 0, 0], [1, 1, 0, 0], [1, 0, 0, 1], [1, 0, 0, 1, 9, 0, 0], [1, 0, 0, 1, 9, 0, 0, 1],
      [1, 0, 0xff, 0xff, 1, 2, 3, 4],
    ] {
      let found = walk(good + bad)
      #expect(found.entries.count == 1, "\(bad)")
      #expect(found.isMalformed, "\(bad)")
    }
  }

  /// Every list, cut anywhere, is either whole up to there or malformed; nothing is read beyond it.
  @Test func readsNothingBeyondItsEnd() {
    let list = extensionList((.key, [1]), (.header, [1, 2, 3, 4]), (.contentType, [1, 2]))
    for count in 0...list.count {
      let found = walk(Array(list.prefix(count)))
      #expect(found.isMalformed == ![0, 8, 16, 24].contains(count))
    }
  }

  @Test func walksTheLongestList() {
    let value = [UInt8](repeating: 7, count: WireLimits.extensionsBytesMax - 4)
    #expect(judge(extensionList((.contentType, value))) == .fine)
    #expect(judge([UInt8](repeating: 0, count: WireLimits.extensionsBytesMax)) == .fine)
  }

  @Test func judgesTheWhole() {
    let critical = ExtensionType(rawValue: 200)
    #expect(judge([]) == .fine)
    #expect(judge(extensionList((.key, [1]), (ExtensionType(rawValue: 99), []))) == .fine)
    #expect(judge(extensionList((critical, [1]), (.key, []))) == .unsupported)
    #expect(judge(extensionList((critical, [1])) + [0]) == .malformed)
  }

  private func judge(_ bytes: [UInt8]) -> ExtensionVerdict {
    GuardedMemory(byteCount: max(1, bytes.count)).holding(bytes) { judgeExtensions($0) }
  }

  private func walk(_ bytes: [UInt8]) -> (entries: [(UInt8, [UInt8])], isMalformed: Bool) {
    GuardedMemory(byteCount: max(1, bytes.count)).holding(bytes) { bytes in
      var walk = ExtensionWalk(bytes)
      var entries: [(UInt8, [UInt8])] = []
      while let entry = walk.next() {
        entries.append((entry.type.rawValue, Array(bytes[entry.value])))
      }
      let isOver = walk.next() == nil
      #expect(isOver)
      return (entries, walk.isMalformed)
    }
  }
}
