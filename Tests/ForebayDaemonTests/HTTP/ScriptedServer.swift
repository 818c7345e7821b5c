import Glibc
import Testing

/// A real HTTP server of a test's own, which answers as it is told and writes down what it got:
/// `scripted_server.py` beside this file, in a process of its own.
final class ScriptedServer {
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

  func restart() async throws {
    program = try Program.start("/usr/bin/python3", arguments, in: place)
    try await waitReady()
  }

  func kill9() async throws {
    program.kill(SIGKILL)
    _ = try await program.end()
  }

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

extension Workplace {
  /// A daemon's configuration with one http route on `clientSocket`.
  func httpConfiguration(_ url: String, _ settings: String, more: String = "") -> String {
    write(
      """
      sockets:
        - path: \(file("d.sock"))
      routes:
        - name: main
          upstream: \(url)
          breaker:
            minimum_half_open: 500ms
          http:
      \(settings.split(separator: "\n").map { "      " + $0 }.joined(separator: "\n"))
      \(more.split(separator: "\n").map { "    " + $0 }.joined(separator: "\n"))

      """, to: "d.yaml")
  }
}

/// Everything was delivered, and is what a server has in `texts`; then the daemon ends.
func expectAllDelivered(
  _ producers: [Producer], _ daemon: DaemonProcess, _ texts: [String], repeatsAllowed: Bool,
  sourceLocation: SourceLocation = #_sourceLocation
) async throws {
  try await expectAllDelivered(producers, daemon, sourceLocation: sourceLocation)
  ReadBack(texts.map { ReadBack.Entry(text: $0, id: nil) }).expect(
    producers, repeatsAllowed: repeatsAllowed, sourceLocation: sourceLocation)
  #expect(try await daemon.stop() == 0, sourceLocation: sourceLocation)
}
