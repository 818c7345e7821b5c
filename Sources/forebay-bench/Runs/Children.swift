import ForebayCore
import ForebayUV
import Glibc

/// The processes of one run: started together, watched, and ended by their own numbers.
final class Children {
  private struct Child {
    let name: String
    let process: ChildProcess
  }

  /// A child has so long to make its socket, and after SIGTERM to end; then it is killed.
  private static let patience = TimeSpan.seconds(10)

  private let loop: Loop
  private var children: [Child] = []

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  init() throws(UVError) { loop = try Loop() }

  /// Starts a program; its standard output is thrown away unless something else is said.
  func start(
    _ name: String, _ words: [String], input: ChildProcess.Stdio = .ignored,
    output: ChildProcess.Stdio = .ignored
  ) throws -> Int32 {
    do throws(UVError) {
      let process = try ChildProcess(on: loop, words, stdio: [input, output, .descriptor(2)]) { _ in
      }
      children.append(Child(name: name, process: process))
      return process.processIdentifier
    } catch {
      throw Failure(description: "can't start \(name) (\(words.first ?? "")): \(error)")
    }
  }

  /// Fails if a child has ended by itself.
  func check() throws {
    loop.runWithoutWaiting()
    for child in children {
      if let ending = child.process.ending {
        throw Failure(description: "\(child.name) ended by itself: \(ending)")
      }
    }
  }

  /// Waits until a child has made its socket.
  func waitForSocket(_ path: String) throws {
    let deadline = monotonicNow() + Self.patience
    while access(path, F_OK) != 0 {
      try check()
      guard monotonicNow() < deadline else {
        throw Failure(description: "\(path) didn't appear in \(describe(Self.patience))")
      }
      usleep(1_000)
    }
  }

  /// Ends all children, last started first, and says which of them weren't content. Some proxies
  /// clean up at SIGTERM and then let it kill them.
  func end() throws -> [String] {
    for child in children.reversed() where child.process.ending == nil {
      try child.process.kill(SIGTERM)
      let deadline = monotonicNow() + Self.patience
      while child.process.ending == nil, monotonicNow() < deadline {
        loop.runWithoutWaiting()
        if child.process.ending == nil { usleep(1_000) }
      }
      if child.process.ending == nil { try child.process.kill(SIGKILL) }
    }
    loop.run()
    let failures = children.filter {
      ![.exited(0), .killed(signal: SIGTERM)].contains($0.process.ending)
    }
    .map { "\($0.name): \($0.process.ending.map { "\($0)" } ?? "lost")" }
    try loop.finish()
    return failures
  }
}
