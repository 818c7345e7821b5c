import ForebayWire

/// Composes the scanner and the frames into a receiver of either side, as a session does, and says
/// in the vectors' words what it found. It keeps what isn't whole between reads.
struct VectorReceiver {
  struct Mistake: Equatable {
    var code: ErrorCode
    var offset: Int
  }

  private(set) var events: [JSON] = []
  private(set) var mistake: Mistake?
  private(set) var rest: Vector.Expectation.Rest?
  private(set) var countedBytes: UInt64 = 0
  private(set) var countedMessages: UInt64 = 0

  private let isDaemon: Bool
  private let scanner: RunScanner
  /// Messages are written out only where a vector looks at them.
  private let describesMessages: Bool
  private let memory: GuardedMemory
  private var isGreeted: Bool
  private var isPeer: Bool
  private var isDone = false
  private var bytesLeft: UInt64
  private var messagesLeft: UInt64
  private var lastSequence: UInt64
  private var lastLink: UInt64
  private var origin: (next: UInt64, left: Int)?
  private var held: [UInt8] = []
  private var offset = 0

  init(_ setup: Vector.Setup, describesMessages: Bool, memory: GuardedMemory) {
    isDaemon = setup.receiver == "daemon"
    isGreeted = setup.state != "new"
    isPeer = setup.peer ?? false
    scanner = RunScanner(
      frameBytesMax: setup.frame_bytes_max ?? 4096, overhead: setup.overhead ?? 128)
    bytesLeft = setup.limit_bytes.map { UInt64($0)! } ?? .max
    messagesLeft = setup.limit_messages.map { UInt64($0)! } ?? .max
    lastSequence = setup.last_sequence.map { UInt64($0)! } ?? 0
    lastLink = setup.last_link_sequence.map { UInt64($0)! } ?? 0
    self.describesMessages = describesMessages
    self.memory = memory
  }

  mutating func feed(_ chunk: some Collection<UInt8>) {
    guard mistake == nil, !isDone else { return }
    held += chunk
    let bytes = held
    let used = memory.holding(bytes) { scan($0) }
    held.removeFirst(used)
    offset += used
  }

  /// Takes as many frames as are whole; returns their bytes.
  private mutating func scan(_ bytes: UnsafeRawBufferPointer) -> Int {
    var place = 0
    rest = nil
    while place < bytes.count, !isDone {
      do throws(WireError) {
        guard let size = try step(bytes, at: place) else { break }
        place += size
      } catch {
        mistake = Mistake(code: error.code, offset: offset + place)
        break
      }
    }
    return place
  }

  private mutating func step(
    _ bytes: UnsafeRawBufferPointer, at place: Int
  ) throws(WireError) -> Int? {
    let reading = FrameHeader.read(bytes, at: place, frameBytesMax: scanner.frameBytesMax)
    if case .header(let header) = reading { try judgePlace(of: header.type) }
    switch scanner.next(bytes, from: place, within: bounds) {
    case .run(let run):
      return take(run, bytes, name: "run")
    case .unsupported(let run):
      return take(run, bytes, name: "unsupported")
    case .control(let header, let start):
      let frame = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + header.byteCount)])
      try take(header.type, frame)
      return header.byteCount
    case .partial(let start, let byteCount):
      rest = .init(offset: offset + start, frame_bytes: byteCount)
      return nil
    case .overCredit:
      throw WireError(.flowControl)
    case .malformed(let code):
      throw WireError(code)
    case .end:
      return nil
    }
  }

  private var bounds: RunScanner.Bounds {
    guard let origin else {
      return .init(
        lastSequence: lastSequence, messagesLeft: messagesLeft, costLeft: bytesLeft)
    }
    return .init(
      lastSequence: origin.next - 1, isExact: true, messagesLeft: messagesLeft,
      costLeft: bytesLeft, countMax: origin.left)
  }

  private func judgePlace(of type: FrameType) throws(WireError) {
    guard type.isFromDaemon != isDaemon else { throw WireError(.wrongDirection) }
    guard isDaemon else { return }
    guard (type == .hello) != isGreeted else {
      throw WireError(isGreeted ? .helloRepeated : .helloExpected)
    }
    let fits =
      switch type {
      case .origin: isPeer && origin == nil
      case .data: !isPeer || origin != nil
      default: true
      }
    guard fits else { throw WireError(.originMismatch) }
  }

  private mutating func take(
    _ run: DataRun, _ bytes: UnsafeRawBufferPointer, name: String
  ) -> Int {
    count(run.byteCount + run.count * scanner.overhead, messages: run.count)
    let end = run.firstSequence + UInt64(run.count)
    if let open = origin {
      origin = open.left == run.count ? nil : (end, open.left - run.count)
    } else {
      lastSequence = end - 1
    }
    let messages = describesMessages ? VectorEvents.messages(of: run, in: bytes) : nil
    events.append(VectorEvents.run(run, name: name, messages: messages))
    return run.byteCount
  }

  private mutating func count(_ bytes: Int, messages: Int) {
    bytesLeft -= UInt64(bytes)
    messagesLeft -= UInt64(messages)
    countedBytes += UInt64(bytes)
    countedMessages += UInt64(messages)
  }

  private mutating func take(
    _ type: FrameType, _ frame: UnsafeRawBufferPointer
  ) throws(WireError) {
    events.append(try VectorEvents.control(type, frame))
    switch type {
    case .hello:
      isGreeted = true
      isPeer = try Hello(frame: frame).isPeer
    case .bye:
      isDone = true
    case .origin:
      try take(try Origin(frame: frame), frameBytes: frame.count)
    default: break
    }
  }

  private mutating func take(_ frame: Origin, frameBytes: Int) throws(WireError) {
    let cost = frameBytes + scanner.overhead
    let code: ErrorCode? =
      if frame.linkSequence <= lastLink {
        .sequenceNotIncreasing
      } else if bytesLeft < UInt64(cost) {
        .flowControl
      } else {
        nil
      }
    if let code {
      events.removeLast()
      throw WireError(code)
    }
    count(cost, messages: 0)
    lastLink = frame.linkSequence + UInt64(frame.count) - 1
    origin = (frame.sequence, Int(frame.count))
  }
}
