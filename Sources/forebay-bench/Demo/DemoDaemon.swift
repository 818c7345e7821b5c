import ForebayCore
import ForebayUV
import Glibc

/// One forebayd of the demo: started, asked, killed, started again.
final class DemoDaemon {
  let name: String
  private let options: [String]
  private let admin: String
  private let log: String
  private let loop: Loop
  private var process: ChildProcess?

  init(_ name: String, _ options: [String], admin: String, log: String, on loop: Loop) {
    self.name = name
    self.options = options
    self.admin = admin
    self.log = log
    self.loop = loop
  }

  var isRunning: Bool { process.map { $0.ending == nil } ?? false }

  func start() throws {
    let descriptor = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw DemoFailure("can't write \(log)") }
    defer { close(descriptor) }
    let words = LeashCommand.words([neighbourOfThisProgram("forebayd")] + options)
    do throws(UVError) {
      process = try ChildProcess(
        on: loop, words, environment: Self.environment(),
        stdio: [.ignored, .descriptor(descriptor), .descriptor(descriptor)]
      ) { _ in }
    } catch {
      throw DemoFailure("can't start \(name): \(error)")
    }
  }

  /// Ours without what would set a daemon otherwise.
  private static func environment() -> [String] {
    var result: [String] = []
    var entry = environ
    while let text = entry.pointee {
      let variable = String(cString: text)
      if !variable.hasPrefix("FOREBAY_") { result.append(variable) }
      entry += 1
    }
    return result
  }

  /// Fails if it has ended by itself.
  func check() throws {
    guard let ending = process?.ending else { return }
    throw DemoFailure("\(name) ended by itself: \(ending)")
  }

  var isReady: Bool { AdminQuestion.ask("ready", at: admin) != nil }

  /// What it says of itself; nil while it isn't there.
  func sight() -> DaemonSight? {
    guard isRunning else { return nil }
    return AdminQuestion.askJSON("show state", at: admin).flatMap(DaemonSight.init)
  }

  /// What it says of its clients, in the order in which they came.
  func clients() -> [ClientSight] {
    guard isRunning, let list = AdminQuestion.askJSON("show clients", at: admin)?.values else {
      return []
    }
    return list.compactMap(ClientSight.init)
  }

  /// As a crash would: it can do nothing about it.
  func kill() {
    try? process?.kill(SIGKILL)
    while isRunning { loop.runOnce() }
    process = nil
  }

  /// Asks it to drain and end; returns how it ended, nil if well.
  func end(within patience: TimeSpan) -> String? {
    guard let process else { return nil }
    try? process.kill(SIGTERM)
    let deadline = monotonicNow() + patience
    while process.ending == nil, monotonicNow() < deadline {
      loop.runWithoutWaiting()
      if process.ending == nil { usleep(1_000) }
    }
    guard let ending = process.ending else {
      kill()
      return "\(name) didn't end when asked to"
    }
    self.process = nil
    return ending == .exited(0) ? nil : "\(name): \(ending)"
  }

  /// The last lines that it logged.
  func lastWords(_ count: Int) -> [String] {
    readFile(log)?.split(separator: "\n").suffix(count).map(String.init) ?? []
  }
}

/// Why the demo can't go on.
struct DemoFailure: Error, Equatable, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
