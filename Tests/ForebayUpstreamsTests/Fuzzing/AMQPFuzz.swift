import ForebayCore
import ForebayWire
import FuzzSupport

@testable import ForebayUpstreams

/// A RabbitMQ server that says anything at all, to a session that has messages out. It can end the
/// connection and nothing else: every message and every call has at most one verdict, and only those that
/// are out; and all of it is the same whichever way the bytes are cut.
enum AMQPFuzz: FuzzTarget {
  static let name = "amqp"

  static func problem(with input: UnsafeRawBufferPointer) -> String? {
    var input = FuzzInput(input)
    let shape = input.byte()
    let chunk = [1, 7, 64, 1000][Int(shape & 3)]
    let calls = (0..<Int(shape >> 2 & 7)).map { _ in 1 + input.below(20) }
    var bytes = shape & 32 != 0 ? RabbitBytes.greeting : []
    var frames = 0
    while !input.isEmpty, frames < 200 {
      bytes += frame(&input)
      frames += 1
    }
    var whole = Play(calls)
    whole.hear(bytes, chunk: .max)
    var cut = Play(calls)
    cut.hear(bytes, chunk: chunk)
    if let problem = whole.problem ?? cut.problem { return problem }
    return whole.told == cut.told ? nil : "whole: \(whole.told), cut: \(cut.told)"
  }

  /// One that a server could say, or nearly.
  private static func frame(_ input: inout FuzzInput) -> [UInt8] {
    var bytes: [UInt8]
    switch input.below(16) {
    case 0...3: bytes = RabbitBytes.ack(input.number(), multiple: input.flag())
    case 4: bytes = RabbitBytes.nack(input.number(), multiple: input.flag())
    case 5, 6:
      let sequence = input.number()
      let body = input.below(200)
      bytes = RabbitBytes.returned(
        "0000000000000abc0000000000000def-\(sequence)", bodyBytes: body, chunk: 1 + input.below(99))
    case 7: bytes = RabbitBytes.heartbeat
    case 8: bytes = RabbitBytes.blocked("low on memory")
    case 9: bytes = RabbitBytes.unblocked
    case 10: bytes = RabbitBytes.channelClosed(input.short(), "message size 70000 is larger")
    case 11: bytes = RabbitBytes.connectionClosed(input.short(), "NOT_FOUND - no exchange")
    case 12:
      bytes = RabbitBytes.start() + RabbitBytes.tune(frameBytes: input.word(), heartbeat: 1)
    case 13:
      let kind = input.byte()
      bytes = RabbitBytes.frame(kind, channel: UInt16(input.below(3)), Array(input.take(40)))
    case 14:
      let id = UInt32(input.byte()) << 16 | UInt32(input.byte())
      bytes = RabbitBytes.method(
        id, channel: UInt16(input.below(2)), Array(input.take(input.below(60))))
    default: bytes = Array(input.take(1 + input.below(30)))
    }
    if input.below(8) == 7, !bytes.isEmpty { bytes[input.below(bytes.count)] ^= input.byte() }
    return bytes
  }

  private struct Play: ~Copyable {
    private let calls: [Int]
    private var session: AMQPSession
    private var output = OutputQueue()
    private(set) var problem: String?
    private(set) var told = Told()

    struct Told: Equatable {
      var messages: [String: String] = [:]
      var calls: [UInt32: String] = [:]
      var isReady = false
      var isPaused = false
      var end: String?
    }

    init(_ calls: [Int]) {
      self.calls = calls
      session = AMQPSession(AMQPOptions(), route: "main")
      session.opened(&output)
      publish()
    }

    mutating func hear(_ bytes: [UInt8], chunk: Int) {
      var rest = bytes[...]
      while !rest.isEmpty, told.end == nil {
        Array(rest.prefix(chunk)).withUnsafeBytes { session.received($0, &output) }
        rest = rest.dropFirst(chunk)
        var events: [SessionEvent] = []
        session.takeEvents(&events)
        for event in events { note(event) }
        output.removeAll()
      }
    }

    private mutating func note(_ event: SessionEvent) {
      if told.end != nil { problem = "\(event) after the end" }
      switch event {
      case .ready: told.isReady = true
      case .messages(let call, let range, let verdict):
        guard call < calls.count, range.upperBound <= calls[Int(call)],
          told.calls[call] == nil
        else { return problem = "\(event) of what isn't out" }
        for index in range {
          let name = "\(call).\(index)"
          if told.messages.updateValue("\(verdict)", forKey: name) != nil {
            problem = "\(name) is settled twice"
          }
        }
      case .call(let call, let verdict):
        guard call < calls.count else { return problem = "\(event) of what isn't out" }
        if told.calls.updateValue("\(verdict)", forKey: call) != nil {
          problem = "call \(call) is settled twice"
        }
        // What the call's end says is told of its messages, however it was cut.
        for index in 0..<calls[Int(call)] where told.messages["\(call).\(index)"] == nil {
          told.messages["\(call).\(index)"] =
            verdict == .accepted ? "\(MessageVerdict.accepted)" : "\(verdict)"
        }
      case .paused(let isPaused): told.isPaused = isPaused
      case .secure, .noticed, .others, .leaving: break
      case .close(let reason, _): told.end = reason
      }
    }

    /// Before the greeting, so that it makes no difference where the bytes are cut.
    private mutating func publish() {
      var sequence: UInt64 = 0
      for (call, messages) in calls.enumerated() {
        session.confirms.began(UInt32(call), messages: messages)
        session.confirms.noteOrigin(ID128(high: 0xabc, low: 0xdef), sequence, 0, messages)
        for _ in 0..<messages { session.confirms.published(bytes: 70_000) }
        session.confirms.ended()
        sequence += UInt64(messages)
      }
    }
  }
}
