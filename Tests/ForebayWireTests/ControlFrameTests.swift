import ForebayWire
import Testing

@Suite struct ControlFrameTests {
  @Test func refusesBytesThatEndBeforeTheFixedFields() {
    let bytes = Seen(floor: 1).encoded()
    for count in 0..<bytes.count {
      #expect(throws: WireError(.frameTooShort)) { () throws in
        let _: Seen = try decode(Array(bytes.prefix(count)))
      }
    }
  }

  @Test func refusesFlagsOfOthers() {
    #expect(throws: WireError(.reservedBits)) { () throws in
      let _: Seen = try decode(patched(Seen(floor: 1).encoded(), 5, 1))
    }
    #expect(throws: WireError(.reservedBits)) { () throws in
      let _: Welcome = try decode(
        patched(Welcome(frameBytesMax: 24, overhead: 0).encoded(), 5, 2))
    }
  }

  /// Flags, then fixed fields, then extensions: WIRE.md §3.3.
  @Test func namesTheFirstMistake() {
    let bytes = Seen(floor: 0).encoded(extensions: [1])
    #expect(throws: WireError(.reservedBits)) { () throws in
      let _: Seen = try decode(patched(bytes, 5, 1))
    }
    #expect(throws: WireError(.badField)) { () throws in let _: Seen = try decode(bytes) }
    #expect(throws: WireError(.badExtension)) { () throws in
      let _: Seen = try decode(Seen(floor: 1).encoded(extensions: [1]))
    }
  }

  @Test func refusesUnknownCriticalExtensions() {
    let list = extensionList((.text, [1]), (ExtensionType(rawValue: 128), []))
    #expect(throws: WireError(.badExtension)) { () throws in
      let _: Bye = try decode(Bye().encoded(extensions: list))
    }
  }
}
