import ForebayWire

/// What a RabbitMQ server says, written by hand from the specification and not by the codec under test.
enum RabbitBytes {
  static func frame(_ kind: UInt8, channel: UInt16 = 1, _ payload: [UInt8]) -> [UInt8] {
    [kind] + big(channel) + big(UInt32(payload.count)) + payload + [0xce]
  }

  static func method(_ id: UInt32, channel: UInt16 = 1, _ arguments: [UInt8] = []) -> [UInt8] {
    frame(1, channel: channel, big(id) + arguments)
  }

  static func big<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
  }

  static func short(_ text: String) -> [UInt8] { [UInt8(text.utf8.count)] + Array(text.utf8) }
  static func long(_ text: String) -> [UInt8] {
    big(UInt32(text.utf8.count)) + Array(text.utf8)
  }

  // MARK: The greeting

  static func start(mechanisms: String = "AMQPLAIN PLAIN", minor: UInt8 = 9) -> [UInt8] {
    let entries =
      short("product") + [UInt8(ascii: "S")] + long("RabbitMQ") + short("version")
      + [UInt8(ascii: "S")] + long("3.10.8") + short("x") + [UInt8(ascii: "t"), 1]
    let table = big(UInt32(entries.count)) + entries
    return method(
      0x000a_000a, channel: 0, [0, minor] + table + long(mechanisms) + long("en_US"))
  }

  static func tune(
    channels: UInt16 = 2047, frameBytes: UInt32 = 131_072, heartbeat: UInt16 = 60
  ) -> [UInt8] {
    method(0x000a_001e, channel: 0, big(channels) + big(frameBytes) + big(heartbeat))
  }

  static let connectionOpened = method(0x000a_0029, channel: 0, [0])
  static let channelOpened = method(0x0014_000b, [0, 0, 0, 0])
  static let exchangeFound = method(0x0028_000b)
  static let queueFound = method(0x0032_000b, short("forebay") + [0, 0, 0, 7, 0, 0, 0, 2])
  static let confirmsSelected = method(0x0055_000b)

  /// All of it, as a server that is content says it.
  static let greeting: [UInt8] =
    start() + tune() + connectionOpened + channelOpened + queueFound + confirmsSelected

  // MARK: Messages

  static func ack(_ tag: UInt64, multiple: Bool = false) -> [UInt8] {
    method(0x003c_0050, big(tag) + [multiple ? 1 : 0])
  }

  static func nack(_ tag: UInt64, multiple: Bool = false) -> [UInt8] {
    method(0x003c_0078, big(tag) + [multiple ? 1 : 0])
  }

  /// `basic.return` with its content, in frames of at most `chunk` bytes of body.
  static func returned(_ id: String, bodyBytes: Int = 5, chunk: Int = 100) -> [UInt8] {
    var bytes = method(
      0x003c_0032, big(312 as UInt16) + short("NO_ROUTE") + short("e") + short("k"))
    let flags = 1 << 12 | 1 << 7 as UInt16
    bytes += frame(
      2, big(60 as UInt16) + [0, 0] + big(UInt64(bodyBytes)) + big(flags) + [2] + short(id))
    var left = bodyBytes
    while left > 0 {
      bytes += frame(3, Array(repeating: 0x2e, count: min(chunk, left)))
      left -= min(chunk, left)
    }
    return bytes
  }

  // MARK: Ends, and slowing down

  static func connectionClosed(_ code: UInt16, _ text: String) -> [UInt8] {
    method(0x000a_0032, channel: 0, big(code) + short(text) + [0, 0, 0, 0])
  }

  static func channelClosed(_ code: UInt16, _ text: String) -> [UInt8] {
    method(0x0014_0028, big(code) + short(text) + [0, 60, 0, 40])
  }

  static func blocked(_ reason: String) -> [UInt8] {
    method(0x000a_003c, channel: 0, short(reason))
  }
  static let unblocked = method(0x000a_003d, channel: 0)
  static let heartbeat = frame(8, channel: 0, [])
}
