import ForebayCore
import ForebayUV
import Glibc

/// The servers of a benchmark, started once and ended with it, and what leads to them.
final class UpstreamServers {
  struct Server: Sendable {
    let native: NativeClient
    /// Settings of forebayd's route that leads there.
    let route: [String]
    var kind: UpstreamKind { native.kind }
  }

  private(set) var servers: [Server] = []
  /// What isn't here, and why.
  private(set) var missing: [String] = []
  private let children: Children
  private let directory: String
  private let daemon: String
  /// RabbitMQ takes five seconds; a server that isn't ready after this never will be.
  private static let patience = TimeSpan.seconds(40)

  init(in directory: String, daemon: String) throws {
    self.directory = directory
    self.daemon = daemon
    children = try Children()
  }

  /// Starts all that are installed, and waits until their native clients reach them.
  func start(_ kinds: [UpstreamKind]) throws {
    for kind in kinds {
      let folder = "\(directory)/\(kind.rawValue)"
      guard let program = executable(kind.nativeProgram) else {
        missing.append("\(kind.title): no \(kind.nativeProgram); `make natives` says why")
        continue
      }
      guard mkdir(folder, 0o700) == 0 else {
        throw Children.Failure(description: "can't create \(folder)")
      }
      guard let setUp = try ServerSetUp.of(kind, in: folder, isRoot: geteuid() == 0) else {
        missing.append("\(kind.title): no server; `make deps-bench` installs it")
        continue
      }
      if let refusal = try refusal(of: setUp, kind, in: folder) {
        missing.append("\(kind.title): forebayd can't be led there: \(refusal)")
        continue
      }
      for file in setUp.files { try Output("\(folder)/\(file.name)").write(file.text) }
      var told = ""
      for process in setUp.processes {
        if process.tells {
          told = try start(process, in: folder)
        } else {
          _ = try children.start(process.name, process.words)
        }
      }
      servers.append(
        Server(
          native: NativeClient(
            kind: kind, program: program,
            address: setUp.address.replacing(ServerSetUp.told, with: told), scratch: folder),
          route: setUp.route.map { $0.replacing(ServerSetUp.told, with: told) }))
    }
    // One that doesn't come up is no reason not to measure the others.
    servers.removeAll { server in
      do { try waitUntilReady(server.native) } catch {
        missing.append("\(server.kind.title): it isn't ready: \(error)")
        return true
      }
      return false
    }
  }

  /// What forebayd says against such a route; nil if it takes it.
  private func refusal(
    of setUp: ServerSetUp, _ kind: UpstreamKind, in folder: String
  ) throws -> String? {
    let route = setUp.route.map { $0.replacing(ServerSetUp.told, with: "127.0.0.1:1") }
    let command = try UpstreamDaemon.command(
      daemon, [UpstreamDaemon.Route(name: kind.rawValue, settings: route)],
      at: RunPlace(directory: folder))
    guard let output = ProgramOutput.of(command + ["--check-config"], scratch: folder) else {
      return "it can't be started"
    }
    if output.ending == .exited(0) { return nil }
    // FILE:LINE: WHAT
    let line = output.text.split(separator: "\n").first ?? ""
    return String(line.split(separator: ": ", maxSplits: 1).last ?? line)
  }

  /// Starts one that says `brokers HOST:PORT`, and returns that.
  private func start(_ process: ServerSetUp.Process, in folder: String) throws -> String {
    let (inputPath, outputPath) = (folder + "/input", folder + "/told")
    // Opened for both, its reader never comes to an end.
    guard mkfifo(inputPath, 0o600) == 0 else {
      throw Children.Failure(description: "can't create \(inputPath)")
    }
    let input = open(inputPath, O_RDWR | O_CLOEXEC)
    let output = open(outputPath, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
    defer {
      close(input)
      close(output)
    }
    _ = try children.start(
      process.name, process.words, input: .descriptor(input), output: .descriptor(output))
    let deadline = monotonicNow() + Self.patience
    while monotonicNow() < deadline {
      try children.check()
      let lines = (readFile(outputPath) ?? "").split(
        separator: "\n", omittingEmptySubsequences: false)
      // Its line is whole when another one follows.
      if let line = lines.dropLast().first(where: { $0.hasPrefix("brokers ") }) {
        return String(line.dropFirst("brokers ".count))
      }
      usleep(5_000)
    }
    throw Children.Failure(description: "\(process.name) doesn't say where it is")
  }

  private func waitUntilReady(_ native: NativeClient) throws {
    let deadline = monotonicNow() + Self.patience
    while true {
      do { return try native.prepare() } catch {
        guard monotonicNow() < deadline else { throw error }
        usleep(50_000)
      }
    }
  }

  /// Ends them, last started first. With what status they end doesn't matter: nats-server's is 1.
  func end() throws { _ = try children.end() }
}
