import Glibc
import Testing

/// A `forebayd` of a test's own.
final class DaemonProcess {
  let place: Workplace
  let name: String
  let options: [String]
  private let prefix: [String]
  private(set) var program: Program
  private var earlierErrors = ""

  var socket: String { place.file("\(name).sock") }
  var adminSocket: String { place.file("\(name)-admin/admin.sock") }
  var journal: String { place.file("\(name).db") }

  /// Starts it; without an `--upstream X` among the options it writes to a journal. With a `--config
  /// FILE` among them, the file says everything but the admin socket. `prefix` is put before the
  /// program: something that runs it under other limits.
  init(
    in place: Workplace, name: String = "d", prefix: [String] = [], _ options: [String] = []
  ) throws {
    self.place = place
    self.name = name
    self.prefix = prefix
    let hasFile = options.contains("--config")
    let upstream =
      hasFile || options.contains("--upstream")
      ? [] : ["--upstream", "journal:\(place.file(name)).db"]
    let socket = hasFile ? [] : ["--socket", place.file("\(name).sock")]
    self.options =
      socket + ["--admin-socket", place.file("\(name)-admin/admin.sock")] + upstream + options
    program = try Self.start(prefix, self.options, in: place)
  }

  private static func start(
    _ prefix: [String], _ options: [String], in place: Workplace
  ) throws -> Program {
    let words = prefix + ["\(Program.folder)/forebayd"] + options
    return try Program.start(words[0], Array(words.dropFirst()), in: place)
  }

  /// Starts one and waits until it serves.
  static func ready(
    in place: Workplace, name: String = "d", prefix: [String] = [], _ options: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> DaemonProcess {
    let daemon = try DaemonProcess(in: place, name: name, prefix: prefix, options)
    try await daemon.waitReady(sourceLocation: sourceLocation)
    return daemon
  }

  /// Starts it again with the same options, after it has ended.
  func restart(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try #require(!program.isRunning, sourceLocation: sourceLocation)
    earlierErrors += program.errors
    program = try Self.start(prefix, options, in: place)
    try await waitReady(sourceLocation: sourceLocation)
  }

  func waitReady(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await expectEventually("forebayd to be ready", sourceLocation: sourceLocation) {
      try #require(program.isRunning, "\(program.errors)", sourceLocation: sourceLocation)
      return try await admin("ready")?.hasPrefix("+OK") ?? false
    }
  }

  // MARK: Asking

  /// The reply to a command, without the empty line that ends it; nil where nobody answers.
  func admin(_ command: String) async throws -> String? {
    guard let socket = try? RawSocket(path: adminSocket) else { return nil }
    socket.write(Array("\(command)\n".utf8))
    var reply: [UInt8] = []
    return try await eventually("the reply to \(command)") { () -> String?? in
      switch socket.read() {
      case .bytes(let bytes): reply += bytes
      case .nothing: break
      case .end: return .some(nil)
      }
      guard reply.suffix(2) == [0x0a, 0x0a] else { return nil }
      return String(decoding: reply.dropLast(2), as: UTF8.self)
    }
  }

  func state() async throws -> DaemonState {
    DaemonState(try #require(try await admin("show state")))
  }

  // MARK: Ending

  /// SIGTERM, and the status it ended with.
  ///
  /// Clients of tests don't answer any more, and a daemon gives each five seconds for it: so once it holds
  /// nothing, it is told to end at once. `DrainTests` leave it alone.
  @discardableResult
  func stop() async throws -> Int32 {
    program.kill(SIGTERM)
    try await expectEventually("the end of what it holds", every: .milliseconds(5)) {
      guard program.isRunning else { return true }
      guard errors.contains("msg=draining") else { return false }
      return try await admin("show state").map { DaemonState($0).heldInAll == 0 } ?? true
    }
    // No signal: where it has ended by itself, it would be the end of a process that means to say 0.
    _ = try await admin("shutdown now")
    return try await program.end().status
  }

  /// The same without waiting for what is held and can't be delivered.
  func stopAtOnce() async throws -> Int32 {
    program.kill(SIGTERM)
    try await waitForLog("draining")
    program.kill(SIGTERM)
    return try await program.end().status
  }

  func kill9() async throws {
    program.kill(SIGKILL)
    _ = try await program.end()
  }

  // MARK: Logs

  /// What it said on standard error, in all its lives.
  var errors: String { earlierErrors + program.errors }
  var logLines: [String] { errors.split(separator: "\n").map(String.init) }

  func waitForLog(
    _ message: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await expectEventually("the log line \"\(message)\"", sourceLocation: sourceLocation) {
      logLines.contains { logFields($0)?["msg"] == message }
    }
  }
}

/// `show state`, by the names that it prints.
struct DaemonState {
  let values: [String: String]

  init(_ reply: String) {
    var values: [String: String] = [:]
    for line in reply.split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      values[String(line[..<colon])] = String(
        line[line.index(after: colon)...].drop { $0 == " " })
    }
    self.values = values
  }

  func text(_ name: String) -> String { values[name] ?? "" }
  func number(_ name: String) -> UInt64 { values[name].flatMap(UInt64.init) ?? 0 }
  func total(_ name: String, route: Int = 0) -> UInt64 { number("routes[\(route)].totals.\(name)") }

  var received: UInt64 { total("received") }
  var delivered: UInt64 { total("delivered") }
  var heldMessages: UInt64 { number("routes[0].held.messages") }
  /// Of all routes.
  var heldInAll: UInt64 {
    values.reduce(0) { $0 + ($1.key.hasSuffix("].held.messages") ? UInt64($1.value) ?? 0 : 0) }
  }
  var heldBytes: UInt64 { number("routes[0].held.bytes") }
  var breaker: String { text("routes[0].breaker.state") }
  /// Connections that the daemon ended for this reason.
  func closed(_ code: String) -> UInt64 { number("closed.\(code)") }

  /// Whether every message that came in is accounted for.
  var isBalanced: Bool {
    received == delivered + total("dead_lettered") + total("expired") + total("dropped")
      + total("rejected") + total("duplicate") + heldMessages
  }
}

/// A logfmt line as its fields; nil if it isn't one.
func logFields(_ line: String) -> [String: String]? {
  var fields: [String: String] = [:]
  var rest = Substring(line)
  while !rest.isEmpty {
    guard let equals = rest.firstIndex(of: "="), equals != rest.startIndex else { return nil }
    let key = rest[..<equals]
    guard key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x22 }) else { return nil }
    rest = rest[rest.index(after: equals)...]
    guard let value = takeLogValue(&rest) else { return nil }
    guard fields.updateValue(value, forKey: String(key)) == nil else { return nil }
    guard rest.isEmpty || rest.first == " " else { return nil }
    rest = rest.dropFirst()
  }
  return fields
}

private func takeLogValue(_ rest: inout Substring) -> String? {
  guard rest.first == "\"" else {
    let value = rest.prefix { $0 != " " }
    guard !value.isEmpty, !value.contains("\""), !value.contains("=") else { return nil }
    rest = rest[value.endIndex...]
    return String(value)
  }
  rest = rest.dropFirst()
  var value = ""
  while let character = rest.popFirst() {
    if character == "\"" { return value }
    guard character == "\\" else {
      value.append(character)
      continue
    }
    guard let escaped = rest.popFirst() else { return nil }
    switch escaped {
    case "n": value.append("\n")
    case "u":
      guard let code = UInt32(rest.prefix(4), radix: 16), let scalar = Unicode.Scalar(code) else {
        return nil
      }
      value.unicodeScalars.append(scalar)
      rest = rest.dropFirst(4)
    default: value.append(escaped)
    }
  }
  return nil
}
