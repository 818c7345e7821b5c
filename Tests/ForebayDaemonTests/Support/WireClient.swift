import ForebayWire
import Testing

/// A connection that says exactly what a test tells it, right or wrong, and hears everything.
final class WireClient {
  enum Frame: Equatable, CustomStringConvertible {
    case welcome(Welcome)
    case window(Window)
    case receipt([ReceiptRange])
    case reclaim(Reclaim)
    case ping(Ping)
    case goAway(GoAway)
    case error(ErrorFrame)
    /// The daemon closed the connection.
    case closed

    var description: String {
      switch self {
      case .welcome(let welcome): "WELCOME ranges \(welcome.ranges)"
      case .window(let window):
        "WINDOW \(window.limitMessages) \(window.limitBytes) \(window.reason)"
      case .receipt(let ranges):
        "RECEIPT "
          + ranges.prefix(4).map { "\($0.first)+\($0.count) \($0.outcome)" }.joined(separator: ", ")
      case .reclaim(let reclaim): "RECLAIM \(reclaim.limitMessages)"
      case .ping: "PING"
      case .goAway(let goAway): "GOAWAY \(goAway.code)"
      case .error(let error): "ERROR \(error.code)"
      case .closed: "the end"
      }
    }
  }

  let socket: RawSocket
  private var bytes: [UInt8] = []
  private(set) var welcome: Welcome?
  private(set) var window: Window?
  /// Every frame that came, oldest first.
  private(set) var heard: [Frame] = []

  init(_ daemon: DaemonProcess) throws { socket = try RawSocket(path: daemon.socket) }
  init(path: String) throws { socket = try RawSocket(path: path) }
  init(port: UInt16) throws { socket = try RawSocket(port: port) }

  // MARK: Sending

  func send(_ bytes: [UInt8]) { socket.write(bytes) }

  func send(_ frame: some ControlFrame, extensions: [UInt8] = []) {
    send(frame.encoded(extensions: extensions))
  }

  /// HELLO, up to the first WINDOW, which is returned.
  @discardableResult
  func greet(
    session: ID128 = .drawn(), floor: UInt64 = 1, level: ReceiptLevel = .delivered,
    route: String? = nil, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> Window {
    send(
      Hello(session: session, floor: floor, level: level),
      extensions: route.map { encodedExtension(.route, Array($0.utf8)) } ?? [])
    return try await waitForWindow(sourceLocation: sourceLocation) { $0.limitMessages > 0 }
  }

  /// Sends messages of consecutive sequences, whatever the window says.
  func send(messages sequences: ClosedRange<UInt64>, payloadBytes: Int = 16) {
    var bytes: [UInt8] = []
    for sequence in sequences {
      bytes += encodedData(sequence, Array(repeating: UInt8(ascii: "x"), count: payloadBytes))
    }
    send(bytes)
  }

  // MARK: Hearing

  /// The next frame, or nil when there is none yet, or none any more.
  func poll() throws -> Frame? {
    while true {
      if let frame = try takeFrame() {
        note(frame)
        return frame
      }
      switch socket.read() {
      case .bytes(let more): bytes += more
      case .nothing: return nil
      case .end:
        guard heard.last != .closed else { return nil }
        note(.closed)
        return .closed
      }
    }
  }

  var lastHeard: [Frame] { heard.suffix(6) }

  private func note(_ frame: Frame) {
    heard.append(frame)
    switch frame {
    case .welcome(let welcome): self.welcome = welcome
    case .window(let window): self.window = window
    case .receipt, .reclaim, .ping, .goAway, .error, .closed: break
    }
  }

  private func takeFrame() throws -> Frame? {
    try bytes.withUnsafeBytes { all -> (Frame, Int)? in
      switch FrameHeader.read(all, at: 0, frameBytesMax: WireLimits.controlFrameBytesMax) {
      case .partial: return nil
      case .malformed(let code): throw Unreadable(what: "\(code)")
      case .header(let header):
        guard all.count >= header.byteCount else { return nil }
        let frame = UnsafeRawBufferPointer(rebasing: all[..<header.byteCount])
        return (try Self.read(header.type, frame), header.byteCount)
      }
    }.map { frame, count in
      bytes.removeFirst(count)
      return frame
    }
  }

  private static func read(_ type: FrameType, _ frame: UnsafeRawBufferPointer) throws -> Frame {
    switch type {
    case .welcome: .welcome(try Welcome(frame: frame))
    case .window: .window(try Window(frame: frame))
    case .reclaim: .reclaim(try Reclaim(frame: frame))
    case .ping: .ping(try Ping(frame: frame))
    case .goaway: .goAway(try GoAway(frame: frame))
    case .error: .error(try ErrorFrame(frame: frame))
    case .receipt:
      .receipt(
        try (0..<Receipt.count(frame: frame)).map { try Receipt.range(at: $0, frame: frame) })
    case .hello, .data, .seen, .blocked, .backlog, .reclaimed, .pong, .bye, .origin:
      throw Unreadable(what: "a daemon's \(type)")
    }
  }

  struct Unreadable: Error { let what: String }

  /// Reads on until a frame is one that the test waits for.
  @discardableResult
  func wait<Value>(
    for what: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ value: (Frame) -> Value?
  ) async throws -> Value {
    guard heard.last != .closed else {
      Issue.record("closed before \(what); heard \(lastHeard)", sourceLocation: sourceLocation)
      throw InVain()
    }
    return try await eventually("\(what); heard \(lastHeard)", sourceLocation: sourceLocation) {
      while let frame = try poll() {
        if let value = value(frame) { return value }
        if frame == .closed {
          Issue.record("closed before \(what); heard \(lastHeard)", sourceLocation: sourceLocation)
          throw InVain()
        }
      }
      return nil
    }
  }

  @discardableResult
  func waitForWindow(
    sourceLocation: SourceLocation = #_sourceLocation, _ isRight: (Window) -> Bool
  ) async throws -> Window {
    try await wait(for: "a WINDOW", sourceLocation: sourceLocation) {
      if case .window(let window) = $0, isRight(window) { window } else { nil }
    }
  }

  /// Waits until messages have this outcome, in whatever order and how many frames.
  func expectOutcome(
    _ outcome: Outcome, of sequences: ClosedRange<UInt64>,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    var left = Set(sequences)
    for case .receipt(let ranges) in heard { Self.strike(ranges, outcome, &left) }
    if left.isEmpty { return }
    try await wait(for: "\(outcome) of \(sequences)", sourceLocation: sourceLocation) {
      if case .receipt(let ranges) = $0 { Self.strike(ranges, outcome, &left) }
      return left.isEmpty ? true : nil
    }
  }

  private static func strike(
    _ ranges: [ReceiptRange], _ outcome: Outcome, _ left: inout Set<UInt64>
  ) {
    for range in ranges where range.outcome == outcome {
      for sequence in range.first..<range.end { left.remove(sequence) }
    }
  }

  /// The daemon says why and closes: ERROR is the last frame.
  func expectError(
    _ code: ErrorCode, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    if heard.last != .closed {
      try await wait(for: "the end", sourceLocation: sourceLocation) { $0 == .closed ? true : nil }
    }
    guard heard.count >= 2, case .error(let error) = heard[heard.count - 2] else {
      Issue.record("no ERROR at the end of \(lastHeard)", sourceLocation: sourceLocation)
      return
    }
    #expect(ErrorCode(rawValue: error.code) == code, sourceLocation: sourceLocation)
  }
}

extension WireClient {
  /// Everything that was said of a message so far, oldest first.
  func ranges(of sequence: UInt64) -> [ReceiptRange] {
    heard.flatMap { frame -> [ReceiptRange] in
      if case .receipt(let ranges) = frame { ranges } else { [] }
    }.filter { $0.first <= sequence && sequence < $0.end }
  }

  func outcomes(of sequence: UInt64) -> [Outcome] { ranges(of: sequence).map(\.outcome) }
  func codes(of sequence: UInt64) -> [MessageCode] { ranges(of: sequence).map(\.code) }
}

extension WireClient.Frame {
  func isShut(because reason: WindowReason) -> Bool {
    if case .window(let window) = self {
      window.state == .shut && window.reason == reason
    } else {
      false
    }
  }
}

extension ID128 {
  /// A session id that nobody else has.
  static func drawn() -> ID128 {
    ID128(high: .random(in: .min ... .max), low: .random(in: 1 ... .max))
  }
}

func encodedData(
  _ sequence: UInt64, _ payload: [UInt8], level: ReceiptLevel = .default, ttl: UInt32 = 0,
  lane: UInt8 = 0, extensions: [UInt8] = []
) -> [UInt8] {
  let header = DataHeader(
    sequence: sequence, ttlMilliseconds: ttl, lane: lane, level: level,
    extensionBytes: extensions.count)
  var fixed = [UInt8](repeating: 0, count: WireLimits.dataFixedBytes)
  fixed.withUnsafeMutableBytes {
    header.write(to: $0.baseAddress!, payloadBytes: payload.count)
  }
  return fixed + extensions + payload
}

func encodedExtension(_ type: ExtensionType, _ value: [UInt8]) -> [UInt8] {
  let padding = (4 - value.count % 4) % 4
  return [type.rawValue, 0, UInt8(value.count >> 8), UInt8(value.count & 0xff)] + value
    + Array(repeating: 0, count: padding)
}
