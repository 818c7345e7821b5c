import ForebayWire
import Testing

/// Random frames, random mistakes, random cuts: the scanner finds what a reader finds that looks at
/// one frame after another, byte by byte, and knows nothing of runs.
@Suite struct RunScannerPropertyTests {
  @Test(arguments: 1...400) func agreesWithAReaderOfSingleFrames(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    let stream = RandomStream(using: &random)
    var expected = SingleFrameReader(stream)
    expected.read(stream.bytes)
    #expect(scan(stream, cutAt: []) == expected.found, "seed \(seed), whole")
    for _ in 0..<8 {
      let count = Int.random(in: 1...6, using: &random)
      let cuts = (0..<count).map { _ in Int.random(in: 0...stream.bytes.count, using: &random) }
      #expect(scan(stream, cutAt: cuts.sorted()) == expected.found, "seed \(seed), \(cuts)")
    }
  }

  private func scan(_ stream: RandomStream, cutAt cuts: [Int]) -> Found {
    var found = Found()
    var last: UInt64 = 0
    var (messagesLeft, costLeft) = (stream.limitMessages, stream.limitBytes)
    let scanner = RunScanner(frameBytesMax: stream.frameBytesMax, overhead: stream.overhead)
    let memory = GuardedMemory(byteCount: max(1, stream.bytes.count))
    var start = 0
    for end in cuts + [stream.bytes.count] {
      start += memory.holding(stream.bytes[start..<end]) { bytes in
        var place = 0
        while found.ending == .open {
          let bounds = RunScanner.Bounds(
            lastSequence: last, messagesLeft: messagesLeft, costLeft: costLeft)
          switch scanner.next(bytes, from: place, within: bounds) {
          case .run(let run), .unsupported(let run):
            found.add(run, in: bytes, at: start)
            last = run.firstSequence + UInt64(run.count) - 1
            messagesLeft -= UInt64(run.count)
            costLeft -= UInt64(run.byteCount + run.count * stream.overhead)
            place += run.byteCount
          case .control(let header, _):
            found.frames.append(.control(header.type, offset: start + place))
            place += header.byteCount
          case .overCredit: found.ending = .mistake(.flowControl, start + place)
          case .malformed(let code): found.ending = .mistake(code, start + place)
          case .partial, .end: return place
          }
        }
        return place
      }
    }
    found.used = start
    return found
  }
}

/// What a stream of frames turned out to be.
private struct Found: Equatable {
  enum Frame: Equatable {
    case message(
      UInt64, offset: Int, byteCount: Int, lane: UInt8, ttl: UInt32, level: ReceiptLevel)
    case control(FrameType, offset: Int)
  }
  enum Ending: Equatable {
    case open
    case mistake(ErrorCode, Int)
  }
  var frames: [Frame] = []
  var ending = Ending.open
  var used = 0

  /// Takes a run apart, and checks on the way that it is one.
  mutating func add(_ run: DataRun, in bytes: UnsafeRawBufferPointer, at start: Int) {
    var place = run.offset
    for index in 0..<run.count {
      let view = DataFrameView(bytes.baseAddress! + place)
      frames.append(
        .message(
          run.firstSequence + UInt64(index), offset: start + place, byteCount: view.byteCount,
          lane: run.lane, ttl: run.ttlMilliseconds, level: run.level))
      #expect(view.header.sequence == run.firstSequence + UInt64(index))
      place += view.byteCount
    }
    #expect(place == run.offset + run.byteCount)
    #expect(run.count <= WireLimits.runMessagesMax)
  }
}

/// A client's bytes: mostly good ones, so that runs grow long, then something else.
private struct RandomStream {
  var bytes: [UInt8] = []
  var frameBytesMax: Int
  var overhead: Int
  var limitBytes: UInt64 = .max
  var limitMessages: UInt64 = .max

  init(using random: inout SeededGenerator) {
    frameBytesMax = [64, 100, 4096].randomElement(using: &random)!
    overhead = [0, 1, 128].randomElement(using: &random)!
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
    if Bool.random(using: &random) { limitBytes = UInt64.random(in: 0...60_000, using: &random) }
    if Bool.random(using: &random) { limitMessages = UInt64.random(in: 0...400, using: &random) }
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

/// Reads one frame after another with nothing but subscripts, in the order of WIRE.md §3.3.
private struct SingleFrameReader {
  private(set) var found = Found()
  private let stream: RandomStream
  private var last: UInt64 = 0
  private var messagesLeft: UInt64
  private var bytesLeft: UInt64

  init(_ stream: RandomStream) {
    self.stream = stream
    messagesLeft = stream.limitMessages
    bytesLeft = stream.limitBytes
  }

  mutating func read(_ bytes: [UInt8]) {
    while found.ending == .open, let size = step(bytes[found.used...]) { found.used += size }
  }

  private mutating func step(_ bytes: ArraySlice<UInt8>) -> Int? {
    guard bytes.count >= 4 else { return nil }
    let size = number(bytes, 0, 4) + 4
    if size < 8 { return fail(.frameTooShort) }
    if size > max(stream.frameBytesMax, 65_536) { return fail(.frameTooLarge) }
    guard bytes.count >= 8 else { return nil }
    let raw = number(bytes, 4, 1)
    guard let type = FrameType(rawValue: UInt8(raw)) else { return fail(.unknownFrameType) }
    if number(bytes, 6, 2) != 0 { return fail(.reservedBits) }
    if size < Self.least[raw]! { return fail(.frameTooShort) }
    if size > (type == .data ? stream.frameBytesMax : Self.most(raw)) {
      return fail(.frameTooLarge)
    }
    if type == .data { return data(bytes, size) }
    guard bytes.count >= size else { return nil }
    found.frames.append(.control(type, offset: found.used))
    return size
  }

  private mutating func data(_ bytes: ArraySlice<UInt8>, _ size: Int) -> Int? {
    // The scanner may name this one before the fixed fields are there; nothing else can come first.
    if number(bytes, 5, 1) > 3 { return fail(.reservedBits) }
    guard bytes.count >= 24 else { return nil }
    if number(bytes, 21, 1) != 0 { return fail(.reservedBits) }
    if number(bytes, 20, 1) > 7 { return fail(.badField) }
    let extensionBytes = number(bytes, 22, 2)
    if extensionBytes > min(16_384, size - 24) { return fail(.badExtension) }
    let sequence = UInt64(number(bytes, 8, 4)) << 32 | UInt64(number(bytes, 12, 4))
    if sequence <= last || sequence == .max { return fail(.sequenceNotIncreasing) }
    let cost = UInt64(size + stream.overhead)
    if messagesLeft == 0 || bytesLeft < cost { return fail(.flowControl) }
    guard bytes.count >= size else { return nil }
    if !isList(Array(bytes.dropFirst(24).prefix(extensionBytes))) { return fail(.badExtension) }
    last = sequence
    messagesLeft -= 1
    bytesLeft -= cost
    found.frames.append(
      .message(
        sequence, offset: found.used, byteCount: size, lane: UInt8(number(bytes, 20, 1)),
        ttl: UInt32(number(bytes, 16, 4)),
        level: ReceiptLevel(rawValue: UInt8(number(bytes, 5, 1)))!))
    return size
  }

  private func isList(_ bytes: [UInt8]) -> Bool {
    var place = 0
    while place < bytes.count {
      guard place + 4 <= bytes.count, bytes[place + 1] == 0 else { return false }
      let size = Int(bytes[place + 2]) * 256 + Int(bytes[place + 3])
      let padded = (size + 3) / 4 * 4
      guard place + 4 + padded <= bytes.count,
        bytes[(place + 4 + size)..<(place + 4 + padded)].allSatisfy({ $0 == 0 })
      else { return false }
      place += 4 + padded
    }
    return true
  }

  private mutating func fail(_ code: ErrorCode) -> Int? {
    found.ending = .mistake(code, found.used)
    return nil
  }

  private func number(_ bytes: ArraySlice<UInt8>, _ offset: Int, _ size: Int) -> Int {
    bytes.dropFirst(offset).prefix(size).reduce(0) { $0 << 8 | Int($1) }
  }

  /// WIRE.md §4, by type.
  private static let least = [
    1: 44, 2: 24, 3: 16, 4: 24, 5: 24, 6: 16, 7: 16, 8: 8, 9: 64, 129: 40, 130: 48, 131: 24,
    132: 32, 133: 16, 134: 16, 135: 16,
  ]
  private static func most(_ type: Int) -> Int { type == 131 ? 65_528 : least[type]! + 16_384 }
}
