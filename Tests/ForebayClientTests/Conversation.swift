import ForebayClient
import ForebayWire
import Testing

/// What a client said, as a test writes it down.
enum Said: Equatable, CustomStringConvertible {
  case hello(floor: UInt64)
  case data(UInt64, String)
  case seen(UInt64)
  case blocked(cost: UInt32, floor: UInt64)
  case reclaimed(UInt32)
  case pong(UInt64)
  case bye
  case unreadable(String)

  var description: String {
    switch self {
    case .hello(let floor): return "HELLO floor=\(floor)"
    case .data(let sequence, let payload): return "DATA \(sequence) \(payload)"
    case .seen(let floor): return "SEEN \(floor)"
    case .blocked(let cost, let floor): return "BLOCKED cost=\(cost) floor=\(floor)"
    case .reclaimed(let number): return "RECLAIMED \(number)"
    case .pong(let token): return "PONG \(token)"
    case .bye: return "BYE"
    case .unreadable(let what): return "unreadable: \(what)"
    }
  }
}

/// A machine and the daemon's lines in its play. Its clock moves only when a test says so.
final class Conversation {
  static let overhead: UInt32 = 100
  static let second: UInt64 = 1_000_000_000

  var machine: ClientMachine
  var now: UInt64 = 1_000 * second
  /// Bytes that a `produce` may give at most; small ones cut frames.
  var produceBytes = 1 << 20

  init(_ adjust: (inout ClientMachine.Options) -> Void = { _ in }) {
    var options = ClientMachine.Options(session: ID128(high: 7, low: 9), jitterSeed: 42)
    adjust(&options)
    machine = ClientMachine(options)
  }

  /// Connects, is welcomed and gets a window: the ordinary beginning.
  static func begun(
    messages: UInt64 = 100, bytes: UInt64 = 1 << 20,
    _ adjust: (inout ClientMachine.Options) -> Void = { _ in }
  ) -> Conversation {
    let talk = Conversation(adjust)
    talk.connect()
    talk.hear(.welcome())
    talk.hear(.window(messages: messages, bytes: bytes))
    _ = talk.said()
    _ = talk.events()
    return talk
  }

  func connect() { machine.connected(now: now) }

  func lose() {
    machine.connectionLost(now: now)
    _ = events()
  }

  @discardableResult
  func submit(_ text: String, lane: UInt8 = 0, level: ReceiptLevel = .default)
    -> ClientMachine.OnSubmit
  {
    Array(text.utf8).withUnsafeBytes { machine.submit($0, lane: lane, level: level) }
  }

  /// The daemon's frames arrive together. Anything left over is a test's mistake.
  func hear(_ frames: DaemonLine...) {
    let bytes = frames.flatMap(\.bytes)
    let used = bytes.withUnsafeBytes { machine.receive($0, now: now) }
    #expect(used == bytes.count || !machine.isConnected)
  }

  /// Time passes, and the machine is told at each of its deadlines, as a shell would.
  func wait(seconds: Double) {
    let end = now + UInt64(seconds * Double(Self.second))
    while let deadline = machine.deadline, deadline <= end {
      now = max(now, deadline)
      machine.timePassed(now: now)
    }
    now = end
  }

  func events() -> [ClientEvent] {
    defer { machine.events.removeAll() }
    return machine.events
  }

  /// The events that are about messages, or end the connection.
  func news() -> [ClientEvent] {
    events().filter {
      switch $0 {
      case .welcomed, .windowChanged: return false
      case .answered, .settled, .abandoned, .ended: return true
      }
    }
  }

  func producedBytes() -> [UInt8] {
    var all: [UInt8] = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: produceBytes, alignment: 8)
    defer { buffer.deallocate() }
    while true {
      let count = machine.produce(into: buffer, now: now)
      if count == 0 { return all }
      all.append(contentsOf: buffer[..<count])
    }
  }

  /// Everything that the machine sends now.
  func said() -> [Said] { Self.read(producedBytes()) }

  static func read(_ bytes: [UInt8]) -> [Said] {
    var said: [Said] = []
    bytes.withUnsafeBytes { all in
      var place = 0
      while place < all.count {
        guard
          case .header(let header) = FrameHeader.read(
            all, at: place, frameBytesMax: WireLimits.frameBytesMax),
          all.count - place >= header.byteCount
        else { return said.append(.unreadable("\(all.count - place) bytes")) }
        let frame = UnsafeRawBufferPointer(
          rebasing: all[place..<(place + header.byteCount)])
        said.append(read(header.type, frame))
        place += header.byteCount
      }
    }
    return said
  }

  private static func read(_ type: FrameType, _ frame: UnsafeRawBufferPointer) -> Said {
    do throws(WireError) {
      switch type {
      case .hello: return .hello(floor: try Hello(frame: frame).floor)
      case .data:
        let view = DataFrameView(frame.baseAddress!)
        return .data(view.header.sequence, String(decoding: view.payload, as: UTF8.self))
      case .seen: return .seen(try Seen(frame: frame).floor)
      case .blocked:
        let blocked = try Blocked(frame: frame)
        return .blocked(cost: blocked.cost, floor: blocked.floor)
      case .reclaimed: return .reclaimed(try Reclaimed(frame: frame).number)
      case .pong: return .pong(try Pong(frame: frame).token)
      case .bye: return .bye
      case .backlog, .origin, .welcome, .window, .receipt, .reclaim, .ping, .goaway, .error:
        return .unreadable("\(type)")
      }
    } catch {
      return .unreadable("\(type): \(error.code)")
    }
  }
}

/// One frame from the daemon.
struct DaemonLine {
  let bytes: [UInt8]

  static func welcome(
    frameBytesMax: UInt32 = 4_096, heartbeat: UInt32 = 0, ranges: UInt32 = 0, known: UInt64 = 0
  ) -> DaemonLine {
    let welcome = Welcome(
      frameBytesMax: frameBytesMax, overhead: Conversation.overhead,
      heartbeatMilliseconds: heartbeat, ranges: ranges, known: known,
      isResumed: known > 0 || ranges > 0)
    return DaemonLine(bytes: welcome.encoded())
  }

  static func window(
    messages: UInt64, bytes: UInt64 = 1 << 20, received: (messages: UInt64, bytes: UInt64) = (0, 0),
    state: WindowState = .open, reason: WindowReason = .none
  ) -> DaemonLine {
    let window = Window(
      limitBytes: bytes, limitMessages: messages, receivedBytes: received.bytes,
      receivedMessages: received.messages, state: state, reason: reason)
    return DaemonLine(bytes: window.encoded())
  }

  static func receipt(_ ranges: ReceiptRange...) -> DaemonLine {
    DaemonLine(bytes: Receipt.encoded(ranges))
  }

  static func delivered(_ first: UInt64, count: UInt32 = 1) -> DaemonLine {
    receipt(ReceiptRange(first: first, count: count, outcome: .delivered))
  }

  static func received(_ first: UInt64, count: UInt32 = 1) -> DaemonLine {
    receipt(ReceiptRange(first: first, count: count, outcome: .received))
  }

  static func frame(_ frame: some ControlFrame) -> DaemonLine {
    DaemonLine(bytes: frame.encoded())
  }
}

extension ClientEvent {
  static func delivered(_ first: UInt64, count: Int = 1) -> ClientEvent {
    .settled(first: first, count: count, outcome: .delivered, code: .none, flags: [])
  }
}
