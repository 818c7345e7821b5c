/// UTF-8 as the Unicode standard has it: no overlong forms, no surrogates, nothing above 10FFFF.
enum UTF8Text {
  static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var place = 0
    while place < bytes.count {
      if bytes[place] < 0x80 {
        place += 1
        continue
      }
      let count = characterBytes(bytes, at: place, before: bytes.count)
      guard count > 0 else { return false }
      place += count
    }
    return true
  }

  /// How many bytes the character has that begins here with a byte above 7F; 0 if it is none.
  static func characterBytes(
    _ bytes: UnsafeRawBufferPointer, at place: Int, before end: Int
  ) -> Int {
    let first = bytes[place]
    let (count, second): (Int, ClosedRange<UInt8>)
    switch first {
    case 0xc2...0xdf: (count, second) = (2, 0x80...0xbf)
    case 0xe0: (count, second) = (3, 0xa0...0xbf)
    case 0xe1...0xec, 0xee...0xef: (count, second) = (3, 0x80...0xbf)
    case 0xed: (count, second) = (3, 0x80...0x9f)
    case 0xf0: (count, second) = (4, 0x90...0xbf)
    case 0xf1...0xf3: (count, second) = (4, 0x80...0xbf)
    case 0xf4: (count, second) = (4, 0x80...0x8f)
    default: return 0
    }
    guard end - place >= count, second.contains(bytes[place + 1]) else { return 0 }
    for index in 2..<count where !(0x80...0xbf).contains(bytes[place + index]) { return 0 }
    return count
  }
}
