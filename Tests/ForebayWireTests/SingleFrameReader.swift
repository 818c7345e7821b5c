import ForebayWire

/// What a stream's frames may be.
struct StreamLimits {
  var frameBytesMax = 4096
  var overhead = 128
  var bytes = UInt64.max
  var messages = UInt64.max

  /// What the scanner finds in bytes that come in pieces. Each piece lies in memory of its own, so that
  /// a sanitizer sees a read beyond its end.
  func scan(_ bytes: [UInt8], cutAt cuts: [Int]) -> Found {
    var scan = Scan(self)
    for end in cuts + [bytes.count] {
      let piece = UnsafeMutableRawBufferPointer.allocate(
        byteCount: end - scan.found.used, alignment: 1)
      defer { piece.deallocate() }
      piece.copyBytes(from: bytes[scan.found.used..<end])
      scan.take(UnsafeRawBufferPointer(piece))
    }
    return scan.found
  }
}

/// `RunScanner` over a stream, as the core uses it.
private struct Scan {
  var found = Found()
  private var last: UInt64 = 0
  private var messagesLeft: UInt64
  private var costLeft: UInt64
  private let scanner: RunScanner

  init(_ limits: StreamLimits) {
    scanner = RunScanner(frameBytesMax: limits.frameBytesMax, overhead: limits.overhead)
    messagesLeft = limits.messages
    costLeft = limits.bytes
  }

  mutating func take(_ bytes: UnsafeRawBufferPointer) {
    let start = found.used
    var place = 0
    while found.ending == .open {
      let bounds = RunScanner.Bounds(
        lastSequence: last, messagesLeft: messagesLeft, costLeft: costLeft)
      switch scanner.next(bytes, from: place, within: bounds) {
      case .run(let run), .unsupported(let run):
        found.add(run, in: bytes, at: start)
        last = run.firstSequence + UInt64(run.count) - 1
        messagesLeft -= UInt64(run.count)
        costLeft -= UInt64(run.byteCount + run.count * scanner.overhead)
        place += run.byteCount
      case .control(let header, _):
        found.frames.append(.control(header.type, offset: start + place))
        place += header.byteCount
      case .overCredit: found.ending = .mistake(.flowControl, start + place)
      case .malformed(let code): found.ending = .mistake(code, start + place)
      case .partial, .end:
        found.used = start + place
        return
      }
    }
    found.used = start + place
  }
}

/// What a stream of frames turned out to be.
struct Found: Equatable {
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
  /// Runs were what they said they are.
  var isConsistent = true

  /// Takes a run apart, and checks on the way that it is one.
  mutating func add(_ run: DataRun, in bytes: UnsafeRawBufferPointer, at start: Int) {
    var place = run.offset
    for index in 0..<run.count {
      let view = DataFrameView(bytes.baseAddress! + place)
      frames.append(
        .message(
          run.firstSequence + UInt64(index), offset: start + place, byteCount: view.byteCount,
          lane: run.lane, ttl: run.ttlMilliseconds, level: run.level))
      isConsistent = isConsistent && view.header.sequence == run.firstSequence + UInt64(index)
      place += view.byteCount
    }
    isConsistent =
      isConsistent && place == run.offset + run.byteCount
      && run.count <= WireLimits.runMessagesMax
  }
}

/// Reads one frame after another with nothing but subscripts, in the order of WIRE.md §3.3.
struct SingleFrameReader {
  private(set) var found = Found()
  private let limits: StreamLimits
  private var last: UInt64 = 0
  private var messagesLeft: UInt64
  private var bytesLeft: UInt64

  init(_ limits: StreamLimits) {
    self.limits = limits
    messagesLeft = limits.messages
    bytesLeft = limits.bytes
  }

  mutating func read(_ bytes: [UInt8]) {
    while found.ending == .open, let size = step(bytes[found.used...]) { found.used += size }
  }

  private mutating func step(_ bytes: ArraySlice<UInt8>) -> Int? {
    guard bytes.count >= 4 else { return nil }
    let size = number(bytes, 0, 4) + 4
    if size < 8 { return fail(.frameTooShort) }
    if size > max(limits.frameBytesMax, 65_536) { return fail(.frameTooLarge) }
    guard bytes.count >= 8 else { return nil }
    let raw = number(bytes, 4, 1)
    guard let type = FrameType(rawValue: UInt8(raw)) else { return fail(.unknownFrameType) }
    if number(bytes, 6, 2) != 0 { return fail(.reservedBits) }
    if size < Self.least[raw]! { return fail(.frameTooShort) }
    if size > (type == .data ? limits.frameBytesMax : Self.most(raw)) {
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
    let cost = UInt64(size + limits.overhead)
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
