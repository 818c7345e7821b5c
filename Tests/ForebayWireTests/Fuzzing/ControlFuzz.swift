import ForebayWire
import FuzzSupport

/// Every frame but DATA, of either side, with its extensions: never reads beyond the frame, never stops
/// the process. What is accepted comes out byte for byte the same when it is written again, and its
/// extensions are a list whose values lie within it.
enum ControlFuzz: FuzzTarget {
  static let name = "control"

  static func problem(with input: UnsafeRawBufferPointer) -> String? {
    guard case .header(let header) = FrameHeader.read(input, at: 0, frameBytesMax: 65_536),
      input.count >= header.byteCount
    else { return walk(input) }
    let frame = UnsafeRawBufferPointer(rebasing: input[..<header.byteCount])
    switch header.type {
    case .hello: return hello(frame)
    case .seen: return again(frame, Seen.self)
    case .blocked: return again(frame, Blocked.self)
    case .backlog: return again(frame, Backlog.self)
    case .reclaimed: return again(frame, Reclaimed.self)
    case .pong: return again(frame, Pong.self)
    case .bye: return again(frame, Bye.self)
    case .origin: return again(frame, Origin.self)
    case .welcome: return again(frame, Welcome.self)
    case .window: return window(frame)
    case .reclaim: return again(frame, Reclaim.self)
    case .ping: return again(frame, Ping.self)
    case .goaway: return again(frame, GoAway.self)
    case .error: return again(frame, ErrorFrame.self)
    case .receipt: return receipt(frame)
    case .data: return walk(UnsafeRawBufferPointer(rebasing: frame[WireLimits.dataFixedBytes...]))
    }
  }

  private static func again<Frame: ControlFrame>(
    _ bytes: UnsafeRawBufferPointer, _ type: Frame.Type
  ) -> String? {
    guard let frame = try? Frame(frame: bytes) else { return nil }
    let listed = Frame.extensions(of: bytes)
    let written = frame.encoded(extensions: Array(listed))
    guard written.elementsEqual(bytes) else { return "\(frame) was written as \(written)" }
    return walk(listed)
  }

  /// A level that isn't named means `delivered`, and is written as that.
  private static func hello(_ bytes: UnsafeRawBufferPointer) -> String? {
    var plain = Array(bytes)
    if plain[40] == 0 { plain[40] = ReceiptLevel.delivered.rawValue }
    return plain.withUnsafeBytes { again($0, Hello.self) }
  }

  /// States and reasons of a newer daemon are read as the plainest ones.
  private static func window(_ bytes: UnsafeRawBufferPointer) -> String? {
    var plain = Array(bytes)
    if WindowState(rawValue: plain[44]) == nil { plain[44] = WindowState.open.rawValue }
    if WindowReason(rawValue: plain[45]) == nil { plain[45] = WindowReason.none.rawValue }
    return plain.withUnsafeBytes { again($0, Window.self) }
  }

  private static func receipt(_ bytes: UnsafeRawBufferPointer) -> String? {
    guard let count = try? Receipt.count(frame: bytes) else { return nil }
    var ranges: [ReceiptRange] = []
    for index in 0..<count {
      guard let range = try? Receipt.range(at: index, frame: bytes) else { return nil }
      if range.end <= range.first { return "\(range) ends before it begins" }
      ranges.append(range)
    }
    return Receipt.encoded(ranges).elementsEqual(bytes) ? nil : "\(ranges) was written otherwise"
  }

  private static func walk(_ bytes: UnsafeRawBufferPointer) -> String? {
    var walk = ExtensionWalk(bytes)
    var again: [UInt8] = []
    var isCritical = false
    while let entry = walk.next() {
      guard entry.value.lowerBound >= 4, entry.value.upperBound <= bytes.count else {
        return "a value lies at \(entry.value) of \(bytes.count)"
      }
      isCritical = isCritical || entry.type.isCritical
      appendExtension(entry.type, bytes[entry.value], to: &again)
    }
    let verdict = judgeExtensions(bytes)
    if walk.isMalformed { return verdict == .malformed ? nil : "a broken list is \(verdict)" }
    if verdict != (isCritical ? .unsupported : .fine) { return "the list is \(verdict)" }
    return again.elementsEqual(bytes) ? nil : "extensions were written otherwise"
  }
}
