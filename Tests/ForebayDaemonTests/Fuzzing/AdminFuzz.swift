import ForebayConfig
import ForebayCore
import FuzzSupport
import Glibc
import Logging
import TestFolder

@testable import ForebayDaemon

/// Lines of the admin socket, any bytes: cutting them into commands and words loses nothing, and no
/// command that a session of level `operate` may say stops the process. What is answered is lines
/// without control characters and without an empty one, which would end the reply; or valid JSON.
enum AdminFuzz: FuzzTarget {
  static let name = "admin"

  static func problem(with input: UnsafeRawBufferPointer) -> String? {
    for line in input.split(separator: UInt8(ascii: "\n")).prefix(20) {
      let text = String(decoding: line.prefix(AdminSession.lineBytesMax), as: UTF8.self)
      let commands = AdminLine.commands(text)
      if let problem = cut(commands) ?? commands.lazy.compactMap({ answer($0) }).first {
        return problem
      }
    }
    return nil
  }

  /// Written with every character escaped, the words are the same.
  private static func cut(_ commands: [[String]]) -> String? {
    let escaped = commands.map { words in
      words.map { $0.unicodeScalars.map { "\\\($0)" }.joined() }.joined(separator: " ")
    }
    let again = AdminLine.commands(escaped.joined(separator: ";"))
    if again.map({ $0.map { Array($0.unicodeScalars) } })
      != commands.map({ $0.map { Array($0.unicodeScalars) } })
    {
      return "\(commands) became \(again)"
    }
    return commands.contains { $0.isEmpty || $0.contains("") } ? "an empty word: \(commands)" : nil
  }

  private static func answer(_ words: [String]) -> String? {
    let daemon = AdminStage.shared.daemon
    guard let command = AdminCommand.find(words), command.level <= .operate else { return nil }
    let wantsJSON = words.last == "json"
    var request = AdminRequest(
      words.dropFirst(command.words.count).dropLast(wantsJSON ? 1 : 0), usage: command.usage,
      level: .operate, wantsJSON: wantsJSON)
    do throws(AdminError) {
      return said(try command.run(daemon, &request), daemon)
    } catch {
      let line = error.line
      return line.hasSuffix("\n\n") ? check([String(line.dropLast(2))]) : "a reply ends: \(line)"
    }
  }

  private static func said(_ reply: AdminReply, _ daemon: Daemon) -> String? {
    switch reply {
    case .ok(let text, let value): return check([text]) ?? value.flatMap(check)
    case .listing(let text, let listing):
      while let values = listing.more(daemon) {
        if let problem = values.lazy.compactMap(check).first { return problem }
      }
      return check([text])
    case .wait(let wait):
      switch wait.outcome(daemon) {
      case .pending: return check([wait.late(daemon)])
      case .met(let text): return check([text])
      case .failed(let error): return check([error.text])
      }
    case .chore(let chore):
      for _ in 0..<1000 {
        if let reply = chore.more(daemon) { return said(reply, daemon) }
      }
      return "work without end"
    case .session: return nil
    }
  }

  private static func check(_ value: AdminValue) -> String? {
    if !JSONCheck.isValid(value.json.utf8) { return "no JSON: \(value.json.debugDescription)" }
    return check(value.lines())
  }

  private static func check(_ lines: [String]) -> String? {
    let bad = lines.first { line in
      line.isEmpty
        || line.unicodeScalars.contains { $0.value < 0x20 || (0x7f..<0xa0) ~= $0.value }
    }
    return bad.map { "no line of a reply: \($0.debugDescription)" }
  }

  /// A daemon whose loop doesn't turn.
  private final class AdminStage {
    nonisolated(unsafe) static let shared = AdminStage()
    private let folder = TestFolder("fuzz")
    let daemon: Daemon

    init() {
      let text = """
        log_level: error
        admin: {path: \(folder.file("admin/admin.sock"))}
        sockets:
          - path: \(folder.file("client.sock"))
        routes:
          - name: main
            upstream: forebay+unix:\(folder.file("peer.sock"))
        """
      let loaded = ConfigurationLoader.load(ConfigurationInputs(), text: Array(text.utf8))
      do { daemon = try Daemon(try loaded.get()) } catch { fatalError("no daemon: \(error)") }
    }
  }
}
