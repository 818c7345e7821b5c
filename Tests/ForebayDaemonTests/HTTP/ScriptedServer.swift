import Glibc
import Testing

/// A real HTTP server of a test's own, which answers as it is told and writes down what it got:
/// `scripted_server.py` beside this file, in a process of its own.
final class ScriptedServer: StoppableServer {
  let place: Workplace
  let port: UInt16
  private let arguments: [String]
  private(set) var program: Program

  private static let script: String = {
    let here = #filePath
    return here[..<here.lastIndex(of: "/")!] + "/scripted_server.py"
  }()

  /// With TLS where it has files: certificate, key, and whose certificates clients need.
  static func ready(
    in place: Workplace, tls files: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> ScriptedServer {
    let server = try ScriptedServer(in: place, files)
    try await server.waitReady(sourceLocation: sourceLocation)
    return server
  }

  private init(in place: Workplace, _ files: [String]) throws {
    self.place = place
    port = try freePort()
    arguments = [Self.script, "\(port)", place.path] + files
    program = try Program.start("/usr/bin/python3", arguments, in: place)
  }

  private func waitReady(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await expectEventually("the server to be ready", sourceLocation: sourceLocation) {
      try #require(program.isRunning, "\(program.errors)", sourceLocation: sourceLocation)
      return (try? RawSocket(port: port)) != nil
    }
  }

  // MARK: TestedServer

  var route: [String] { ["upstream: http://127.0.0.1:\(port)/in", "http:", "  format: ndjson"] }
  /// There is no one connection to lose.
  var signOfLoss: String { "http upstream: " }

  func readBack(sourceLocation: SourceLocation = #_sourceLocation) -> ReadBack {
    ReadBack(messages().map { ReadBack.Entry(text: $0.text, id: nil) })
  }

  func crash() async throws {
    program.kill(SIGKILL)
    _ = try await program.end()
  }

  func startAgain() async throws {
    program = try Program.start("/usr/bin/python3", arguments, in: place)
    try await waitReady()
  }

  func standStill() { program.kill(SIGSTOP) }
  func goOn() { program.kill(SIGCONT) }

  // MARK: What it does

  /// From its next request on; without words it takes everything.
  func say(_ script: String = "{}") { _ = place.write(script, to: "script") }

  /// A message that the server took.
  struct Message {
    let id: String
    let path: String
    let text: String
  }

  /// In the order in which it took them.
  func messages() -> [Message] {
    Workplace.read(place.file("messages")).split(separator: "\n").map {
      let parts = $0.split(separator: "\t", maxSplits: 2, omittingEmptySubsequences: false)
      return Message(
        id: String(parts[0]), path: String(parts[1]), text: parts.count > 2 ? String(parts[2]) : "")
    }
  }

  /// A line for each request that was answered, or cut off.
  func requests() -> [String] {
    Workplace.read(place.file("requests")).split(separator: "\n").map(String.init)
  }
}
