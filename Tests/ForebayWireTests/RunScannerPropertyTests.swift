import ForebayWire
import Testing

/// Random frames, random mistakes, random cuts: the scanner finds what a reader finds that looks at
/// one frame after another, byte by byte, and knows nothing of runs.
@Suite struct RunScannerPropertyTests {
  @Test(arguments: 1...400) func agreesWithAReaderOfSingleFrames(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    let stream = RandomStream(using: &random)
    var expected = SingleFrameReader(stream.limits)
    expected.read(stream.bytes)
    #expect(stream.limits.scan(stream.bytes, cutAt: []) == expected.found, "seed \(seed), whole")
    for _ in 0..<8 {
      let count = Int.random(in: 1...6, using: &random)
      let cuts = (0..<count).map { _ in Int.random(in: 0...stream.bytes.count, using: &random) }
      let found = stream.limits.scan(stream.bytes, cutAt: cuts.sorted())
      #expect(found == expected.found, "seed \(seed), \(cuts)")
    }
  }
}

/// A client's bytes: mostly good ones, so that runs grow long, then something else.
private struct RandomStream {
  var bytes: [UInt8] = []
  var limits = StreamLimits()

  init(using random: inout SeededGenerator) {
    limits.frameBytesMax = [64, 100, 4096].randomElement(using: &random)!
    limits.overhead = [0, 1, 128].randomElement(using: &random)!
    var sequence = [0, 0, UInt64.max - 30, 1 << 40].randomElement(using: &random)!
    var shape: (lane: UInt8, ttl: UInt32, level: ReceiptLevel) = (0, 0, .default)
    let frameCount = Int.random(in: 1...(Bool.random(using: &random) ? 30 : 600), using: &random)
    for _ in 0..<frameCount {
      switch Int.random(in: 0..<100, using: &random) {
      case 0..<90:
        sequence &+= 1
      case 90..<93:
        sequence &+= UInt64.random(in: 0...3, using: &random)
      case 93..<96:
        shape.lane = UInt8.random(in: 0..<8, using: &random)
      case 96:
        shape.ttl = UInt32.random(in: 0...2, using: &random) << 15
      case 97:
        shape.level = ReceiptLevel(rawValue: UInt8.random(in: 0..<4, using: &random))!
      default:
        bytes += Self.control(using: &random)
        continue
      }
      bytes += dataFrame(
        sequence, payload: Self.payload(using: &random), ttl: shape.ttl, lane: shape.lane,
        level: shape.level, extensions: Self.extensions(using: &random))
    }
    if Bool.random(using: &random) { limits.bytes = UInt64.random(in: 0...60_000, using: &random) }
    if Bool.random(using: &random) { limits.messages = UInt64.random(in: 0...400, using: &random) }
    if Bool.random(using: &random) { spoil(using: &random) }
    if Int.random(in: 0..<4, using: &random) == 0 {
      bytes.removeLast(Int.random(in: 0..<min(40, bytes.count), using: &random))
    }
  }

  /// Changes a byte anywhere: mostly of a payload, but also of a length, a type, an extension.
  private mutating func spoil(using random: inout SeededGenerator) {
    let place = Int.random(in: 0..<bytes.count, using: &random)
    bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
  }

  private static func payload(using random: inout SeededGenerator) -> [UInt8] {
    [UInt8](repeating: 0xab, count: Int.random(in: 0...20, using: &random))
  }

  private static func extensions(using random: inout SeededGenerator) -> [UInt8] {
    switch Int.random(in: 0..<200, using: &random) {
    case 0..<20: extensionList((.key, payload(using: &random)))
    case 20: extensionList((ExtensionType(rawValue: 128), []))
    case 21: [1, 0, 0, 9]
    default: []
    }
  }

  private static func control(using random: inout SeededGenerator) -> [UInt8] {
    switch Int.random(in: 0..<4, using: &random) {
    case 0: Seen(floor: 1).encoded()
    case 1: Blocked(cost: 1, floor: 1).encoded(extensions: extensionList((.text, [1])))
    case 2: Pong(token: 1).encoded()
    default: Bye().encoded()
    }
  }
}
