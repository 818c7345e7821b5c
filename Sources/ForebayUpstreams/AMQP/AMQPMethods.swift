internal import CRabbitMQ
import ForebayCore
import ForebayWire

/// What a server says, but for confirms, which the session reads by itself.
enum AMQPMethod: Equatable {
  case start(AMQPServer)
  case tune(channels: UInt16, frameBytes: UInt32, heartbeatSeconds: UInt16)
  case connectionOpened
  case channelOpened
  case exchangeFound
  case queueFound(messages: UInt32, consumers: UInt32)
  case confirmsSelected
  case connectionClosed(AMQPComplaint)
  case channelClosed(AMQPComplaint)
  /// It has answered our farewell.
  case closeConfirmed
  case blocked(String)
  case unblocked
  /// "Stop" or "go on" for the channel.
  case flow(isActive: Bool)
  /// Its class and its number in it.
  case other(UInt16, UInt16)
}

/// Who greets us.
struct AMQPServer: Equatable {
  var version = (major: 0 as UInt8, minor: 0 as UInt8)
  var product = ""
  var productVersion = ""
  var cluster = ""
  /// How one may log in.
  var mechanisms: [String] = []

  static func == (a: AMQPServer, b: AMQPServer) -> Bool {
    a.version == b.version && a.product == b.product && a.productVersion == b.productVersion
      && a.cluster == b.cluster && a.mechanisms == b.mechanisms
  }
}

/// How methods are written, by rabbitmq-c: all but the three that messages take. What it allocates comes
/// from a pool of ours and goes back to it after each method.
final class AMQPCodec {
  private let pool: UnsafeMutablePointer<amqp_pool_t>
  private static let poolPageBytes = 4096
  /// Longer than any method that we send, but for the user's name and password in one of them.
  private static let methodBytesMax = 4096
  private let scratch: UnsafeMutableRawBufferPointer

  init(_ options: AMQPOptions) {
    let login = options.user.utf8.count + options.password.utf8.count
    scratch = .allocate(byteCount: Self.methodBytesMax + login, alignment: 16)
    pool = .allocate(capacity: 1)
    init_amqp_pool(pool, Self.poolPageBytes)
  }

  deinit {
    empty_amqp_pool(pool)
    pool.deallocate()
    scratch.deallocate()
  }

  // MARK: Reading

  /// The method in a frame's payload; nil for bytes that aren't what they say.
  func read(_ payload: UnsafeRawBufferPointer) -> AMQPMethod? {
    guard payload.count >= 4, let base = payload.baseAddress else { return nil }
    let id = base.big32(0)
    guard Self.expected.contains(id) else { return .other(UInt16(id >> 16), UInt16(id & 0xffff)) }
    defer { recycle_amqp_pool(pool) }
    let arguments = amqp_bytes_t(
      len: payload.count - 4, bytes: UnsafeMutableRawPointer(mutating: base + 4))
    var decoded: UnsafeMutableRawPointer?
    guard amqp_decode_method(id, pool, arguments, &decoded) == 0, let decoded else { return nil }
    return Self.meaning(id, decoded)
  }

  /// Others aren't decoded at all.
  private static let expected: [amqp_method_number_t] = [
    AMQP_CONNECTION_START_METHOD, AMQP_CONNECTION_TUNE_METHOD, AMQP_CONNECTION_OPEN_OK_METHOD,
    AMQP_CHANNEL_OPEN_OK_METHOD, AMQP_EXCHANGE_DECLARE_OK_METHOD, AMQP_QUEUE_DECLARE_OK_METHOD,
    AMQP_CONFIRM_SELECT_OK_METHOD, AMQP_CONNECTION_CLOSE_METHOD, AMQP_CHANNEL_CLOSE_METHOD,
    AMQP_CONNECTION_CLOSE_OK_METHOD, AMQP_CONNECTION_BLOCKED_METHOD,
    AMQP_CONNECTION_UNBLOCKED_METHOD, AMQP_CHANNEL_FLOW_METHOD,
  ]

  private static func meaning(
    _ id: amqp_method_number_t, _ decoded: UnsafeMutableRawPointer
  ) -> AMQPMethod {
    func fields<Fields>(_: Fields.Type) -> Fields { decoded.load(as: Fields.self) }
    switch id {
    case AMQP_CONNECTION_START_METHOD: return .start(server(fields(amqp_connection_start_t.self)))
    case AMQP_CONNECTION_TUNE_METHOD:
      let tune = fields(amqp_connection_tune_t.self)
      return .tune(
        channels: tune.channel_max, frameBytes: tune.frame_max, heartbeatSeconds: tune.heartbeat)
    case AMQP_CONNECTION_OPEN_OK_METHOD: return .connectionOpened
    case AMQP_CHANNEL_OPEN_OK_METHOD: return .channelOpened
    case AMQP_EXCHANGE_DECLARE_OK_METHOD: return .exchangeFound
    case AMQP_QUEUE_DECLARE_OK_METHOD:
      let queue = fields(amqp_queue_declare_ok_t.self)
      return .queueFound(messages: queue.message_count, consumers: queue.consumer_count)
    case AMQP_CONFIRM_SELECT_OK_METHOD: return .confirmsSelected
    case AMQP_CONNECTION_CLOSE_METHOD:
      let close = fields(amqp_connection_close_t.self)
      return .connectionClosed(AMQPComplaint(code: close.reply_code, text(close.reply_text)))
    case AMQP_CHANNEL_CLOSE_METHOD:
      let close = fields(amqp_channel_close_t.self)
      return .channelClosed(AMQPComplaint(code: close.reply_code, text(close.reply_text)))
    case AMQP_CONNECTION_CLOSE_OK_METHOD: return .closeConfirmed
    case AMQP_CONNECTION_BLOCKED_METHOD:
      return .blocked(text(fields(amqp_connection_blocked_t.self).reason))
    case AMQP_CONNECTION_UNBLOCKED_METHOD: return .unblocked
    case AMQP_CHANNEL_FLOW_METHOD:
      return .flow(isActive: fields(amqp_channel_flow_t.self).active != 0)
    default: return .other(UInt16(id >> 16), UInt16(id & 0xffff))
    }
  }

  private static func server(_ start: amqp_connection_start_t) -> AMQPServer {
    var server = AMQPServer()
    server.version = (start.version_major, start.version_minor)
    server.mechanisms = text(start.mechanisms).split(separator: " ").map(String.init)
    let table = start.server_properties
    for index in 0..<Int(table.num_entries) {
      let entry = table.entries[index]
      guard entry.value.kind == UInt8(AMQP_FIELD_KIND_UTF8.rawValue) else { continue }
      let value = text(entry.value.value.bytes)
      switch text(entry.key) {
      case "product": server.product = value
      case "version": server.productVersion = value
      case "cluster_name": server.cluster = value
      default: break
      }
    }
    return server
  }

  /// What is told to people stays short.
  private static let textBytesMax = 300

  private static func text(_ bytes: amqp_bytes_t) -> String {
    let all = UnsafeRawBufferPointer(start: bytes.bytes, count: bytes.len)
    return String(decoding: all.prefix(textBytesMax), as: UTF8.self)
  }

  /// What `read` makes of the message-id among a content header's properties, whose payload begins with
  /// class, weight and body size; nil where it has none or they aren't properties.
  func messageID<Value>(
    ofHeader payload: UnsafeRawBufferPointer, _ read: (UnsafeRawBufferPointer) -> Value?
  ) -> Value? {
    guard payload.count >= 12, let base = payload.baseAddress,
      base.big16(0) == UInt16(AMQP_BASIC_CLASS)
    else { return nil }
    defer { recycle_amqp_pool(pool) }
    let properties = amqp_bytes_t(
      len: payload.count - 12, bytes: UnsafeMutableRawPointer(mutating: base + 12))
    var decoded: UnsafeMutableRawPointer?
    let status = amqp_decode_properties(
      UInt16(AMQP_BASIC_CLASS), pool, properties, &decoded)
    guard status == 0, let decoded else { return nil }
    let basic = decoded.load(as: amqp_basic_properties_t.self)
    guard basic._flags & amqp_flags_t(AMQP_BASIC_MESSAGE_ID_FLAG) != 0 else { return nil }
    return read(UnsafeRawBufferPointer(start: basic.message_id.bytes, count: basic.message_id.len))
  }

  // MARK: Writing

  static let greeting: [UInt8] = [0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1]

  func startOK(_ options: AMQPOptions, byCertificate: Bool, to output: inout OutputQueue) {
    defer { recycle_amqp_pool(pool) }
    var method = amqp_connection_start_ok_t()
    let features = ["publisher_confirms", "basic.nack", "connection.blocked"]
    let capabilities = table(
      (features + ["authentication_failure_close"]).map { ($0, Self.yes) })
    var nested = amqp_field_value_t()
    nested.kind = UInt8(AMQP_FIELD_KIND_TABLE.rawValue)
    nested.value.table = capabilities
    method.client_properties = table([
      ("product", value("Forebay")), ("connection_name", value("forebayd")),
      ("capabilities", nested),
    ])
    method.mechanism = bytes(byCertificate ? "EXTERNAL" : "PLAIN")
    method.response = bytes(byCertificate ? "" : "\0\(options.user)\0\(options.password)")
    method.locale = bytes("en_US")
    write(AMQP_CONNECTION_START_OK_METHOD, &method, channel: 0, to: &output)
  }

  func tuneOK(
    channels: UInt16, frameBytes: UInt32, heartbeatSeconds: UInt16, to output: inout OutputQueue
  ) {
    var method = amqp_connection_tune_ok_t()
    method.channel_max = channels
    method.frame_max = frameBytes
    method.heartbeat = heartbeatSeconds
    write(AMQP_CONNECTION_TUNE_OK_METHOD, &method, channel: 0, to: &output)
  }

  func openConnection(virtualHost: String, to output: inout OutputQueue) {
    defer { recycle_amqp_pool(pool) }
    var method = amqp_connection_open_t()
    method.virtual_host = bytes(virtualHost)
    write(AMQP_CONNECTION_OPEN_METHOD, &method, channel: 0, to: &output)
  }

  func openChannel(_ channel: UInt16, to output: inout OutputQueue) {
    var method = amqp_channel_open_t()
    write(AMQP_CHANNEL_OPEN_METHOD, &method, channel: channel, to: &output)
  }

  /// Asks whether it exists; declares nothing.
  func findExchange(_ name: String, channel: UInt16, to output: inout OutputQueue) {
    defer { recycle_amqp_pool(pool) }
    var method = amqp_exchange_declare_t()
    method.exchange = bytes(name)
    method.type = bytes("direct")
    method.passive = 1
    write(AMQP_EXCHANGE_DECLARE_METHOD, &method, channel: channel, to: &output)
  }

  /// Asks whether it exists; declares nothing.
  func findQueue(_ name: String, channel: UInt16, to output: inout OutputQueue) {
    defer { recycle_amqp_pool(pool) }
    var method = amqp_queue_declare_t()
    method.queue = bytes(name)
    method.passive = 1
    write(AMQP_QUEUE_DECLARE_METHOD, &method, channel: channel, to: &output)
  }

  /// Asks what kind of queue it is: as a durable one of a type that no server has. One that exists is
  /// compared with that, and the complaint says what it is; one that doesn't is never made.
  func askQueueKind(_ name: String, channel: UInt16, to output: inout OutputQueue) {
    defer { recycle_amqp_pool(pool) }
    var method = amqp_queue_declare_t()
    method.queue = bytes(name)
    method.durable = 1
    method.arguments = table([("x-queue-type", value("forebay"))])
    write(AMQP_QUEUE_DECLARE_METHOD, &method, channel: channel, to: &output)
  }

  func selectConfirms(channel: UInt16, to output: inout OutputQueue) {
    var method = amqp_confirm_select_t()
    write(AMQP_CONFIRM_SELECT_METHOD, &method, channel: channel, to: &output)
  }

  func closeConnection(to output: inout OutputQueue) {
    defer { recycle_amqp_pool(pool) }
    var method = amqp_connection_close_t()
    method.reply_code = UInt16(AMQP_REPLY_SUCCESS)
    method.reply_text = bytes("goodbye")
    write(AMQP_CONNECTION_CLOSE_METHOD, &method, channel: 0, to: &output)
  }

  func confirmClose(to output: inout OutputQueue) {
    var method = amqp_connection_close_ok_t()
    write(AMQP_CONNECTION_CLOSE_OK_METHOD, &method, channel: 0, to: &output)
  }

  func confirmFlow(isActive: Bool, channel: UInt16, to output: inout OutputQueue) {
    var method = amqp_channel_flow_ok_t()
    method.active = isActive ? 1 : 0
    write(AMQP_CHANNEL_FLOW_OK_METHOD, &method, channel: channel, to: &output)
  }

  static let heartbeat: [UInt8] = [AMQPFrames.Kind.heartbeat.rawValue, 0, 0, 0, 0, 0, 0, 0xce]

  private func write<Fields>(
    _ id: amqp_method_number_t, _ method: inout Fields, channel: UInt16,
    to output: inout OutputQueue
  ) {
    let written = withUnsafeMutablePointer(to: &method) {
      amqp_encode_method(
        id, UnsafeMutableRawPointer($0),
        amqp_bytes_t(len: scratch.count, bytes: scratch.baseAddress))
    }
    invariant(written >= 0, "a method fits into \(scratch.count) bytes")
    let size = Int(written) + 4
    let frame = output.room(size + AMQPFrames.overheadBytes)
    frame.put8(AMQPFrames.Kind.method.rawValue, at: 0)
    frame.put16(channel, at: 1)
    frame.put32(UInt32(size), at: 3)
    frame.put32(id, at: 7)
    if written > 0 {
      (frame + 11).copyMemory(from: scratch.baseAddress!, byteCount: Int(written))
    }
    frame.put8(AMQPFrames.end, at: 7 + size)
    output.wrote(size + AMQPFrames.overheadBytes)
  }

  // MARK: Values

  private static let yes: amqp_field_value_t = {
    var value = amqp_field_value_t()
    value.kind = UInt8(AMQP_FIELD_KIND_BOOLEAN.rawValue)
    value.value.boolean = 1
    return value
  }()

  private func value(_ text: String) -> amqp_field_value_t {
    var value = amqp_field_value_t()
    value.kind = UInt8(AMQP_FIELD_KIND_UTF8.rawValue)
    value.value.bytes = bytes(text)
    return value
  }

  /// In the pool, until it is emptied.
  private func bytes(_ text: String) -> amqp_bytes_t {
    var result = amqp_bytes_t()
    let utf8 = Array(text.utf8)
    guard !utf8.isEmpty else { return result }
    amqp_pool_alloc_bytes(pool, utf8.count, &result)
    invariant(result.bytes != nil, "there is memory for \(utf8.count) bytes")
    result.bytes.copyMemory(from: utf8, byteCount: utf8.count)
    return result
  }

  private func table(_ entries: [(String, amqp_field_value_t)]) -> amqp_table_t {
    let memory = amqp_pool_alloc(pool, entries.count * MemoryLayout<amqp_table_entry_t>.stride)
    guard let memory else { brokenInvariant("there is memory for a table") }
    let list = memory.bindMemory(to: amqp_table_entry_t.self, capacity: entries.count)
    for (index, entry) in entries.enumerated() {
      list[index] = amqp_table_entry_t(key: bytes(entry.0), value: entry.1)
    }
    return amqp_table_t(num_entries: Int32(entries.count), entries: list)
  }
}
