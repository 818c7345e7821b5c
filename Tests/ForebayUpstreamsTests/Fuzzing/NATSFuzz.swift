import ForebayWire
import FuzzSupport

@testable import ForebayCore
@testable import ForebayUpstreams

/// What a NATS server says, any bytes, to a session that waits for its INFO or for answers to messages:
/// wherever the bytes are cut, the same is made of them; every message has at most one verdict, every call
/// at most one, and none after it.
enum NATSFuzz: FuzzTarget {
  static let name = "nats"

  static func problem(with input: UnsafeRawBufferPointer) -> String? {
    var input = FuzzInput(input)
    let kind = input.byte()
    let cut = 1 + input.below(64)
    let bytes = Array(input.rest())
    let whole = Told(bytes, kind: kind, cut: .max)
    let pieces = Told(bytes, kind: kind, cut: cut)
    if let problem = whole.problem ?? pieces.problem { return problem }
    if whole != pieces { return "cut every \(cut) bytes: \(pieces) instead of \(whole)" }
    return nil
  }

  /// What was made of the bytes, whatever the order in which calls were told of.
  private struct Told: Equatable {
    var verdicts: [UInt64: MessageVerdict] = [:]
    var calls: [UInt32: CallVerdict] = [:]
    var others: [SessionEvent] = []
    var output: [UInt8] = []
    var chainMax = 0
    var problem: String?

    init(_ bytes: [UInt8], kind: UInt8, cut: Int) {
      var options = NATSOptions()
      options.isEncrypted = kind & 4 != 0
      var session = NATSSession(options, route: "r", isOrdered: kind & 2 != 0, name: "n")
      var queue = OutputQueue()
      session.opened()
      if kind & 1 != 0 { Self.prepare(&session, &queue, isEncrypted: options.isEncrypted) }
      var events: [SessionEvent] = []
      session.takeEvents(&events)
      events.removeAll()
      queue.removeAll()
      var rest = bytes[...]
      while !rest.isEmpty, session.phase != .over {
        Array(rest.prefix(cut)).withUnsafeBytes { session.received($0, &queue) }
        rest = rest.dropFirst(cut)
        session.takeEvents(&events)
        for event in events { take(event) }
        events.removeAll(keepingCapacity: true)
      }
      output = Array(queue.waiting)
      chainMax = session.chainMax
    }

    /// Greeted, and with three calls out.
    private static func prepare(
      _ session: inout NATSSession, _ queue: inout OutputQueue, isEncrypted: Bool
    ) {
      let info =
        "INFO {\"headers\":true,\"max_payload\":900,\"tls_required\":\(isEncrypted)}\r\n"
      Array(info.utf8).withUnsafeBytes { session.received($0, &queue) }
      session.secured(&queue)
      Array("PONG\r\n".utf8).withUnsafeBytes { session.received($0, &queue) }
      for call in 0..<3 as Range<UInt32> {
        session.begin(call, messages: 4)
        let frames = (1...4).flatMap { frame(UInt64($0)) }
        frames.withUnsafeBytes { bytes in
          session.append(
            Sidecar.Stretch(
              tag: ID128(high: 0, low: UInt64(call)), firstSequence: 1, count: 4, lane: 0,
              bytes: bytes), &queue)
        }
        session.end()
      }
    }

    private static func frame(_ sequence: UInt64) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: WireLimits.dataFixedBytes)
      bytes.withUnsafeMutableBytes {
        DataHeader(sequence: sequence).write(to: $0.baseAddress!, payloadBytes: 1)
      }
      return bytes + [UInt8(ascii: "x")]
    }

    private mutating func take(_ event: SessionEvent) {
      switch event {
      case .messages(let call, let range, let verdict):
        if calls[call] != nil || range.isEmpty || range.upperBound > 4 {
          problem = "\(event) of a call with 4 messages, ended: \(calls[call] != nil)"
        }
        for index in range {
          let old = verdicts.updateValue(verdict, forKey: UInt64(call) << 32 | UInt64(index))
          if old != nil { problem = "two verdicts: \(event)" }
        }
      case .call(let call, let verdict):
        if calls.updateValue(verdict, forKey: call) != nil { problem = "two ends of call \(call)" }
      case .secure, .ready, .paused, .noticed, .others, .leaving, .close: others.append(event)
      }
    }
  }
}
