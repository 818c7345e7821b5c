import ForebayWire
import Glibc
import Synchronization
import TestFolder
import Testing

/// Work that blocks, on a thread of its own that runs at once: the tests' own threads are few, and
/// busy with other tests.
final class OwnThread<Output: Sendable>: Sendable {
  private enum State {
    case running
    case awaited(CheckedContinuation<Output, any Error>)
    case done(Result<Output, any Error>)
  }
  private let state = Mutex(State.running)

  init(_ body: @escaping @Sendable () throws -> Output) {
    startThread { self.finish(Result(catching: body)) }
  }

  /// What the work came to. To be asked once.
  var value: Output {
    get async throws {
      try await withCheckedThrowingContinuation { continuation in
        let result = state.withLock { state -> Result<Output, any Error>? in
          if case .done(let result) = state { return result }
          state = .awaited(continuation)
          return nil
        }
        if let result { continuation.resume(with: result) }
      }
    }
  }

  private func finish(_ result: Result<Output, any Error>) {
    let continuation = state.withLock { state -> CheckedContinuation<Output, any Error>? in
      defer { state = .done(result) }
      if case .awaited(let continuation) = state { return continuation }
      return nil
    }
    continuation?.resume(with: result)
  }
}

private final class ThreadBody {
  let run: () -> Void
  init(_ run: @escaping () -> Void) { self.run = run }
}

private func startThread(_ body: @escaping () -> Void) {
  var thread = pthread_t()
  let box = Unmanaged.passRetained(ThreadBody(body)).toOpaque()
  let failure = pthread_create(&thread, nil, threadMain, box)
  #expect(failure == 0)
  pthread_detach(thread)
}

private func threadMain(_ box: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  if let box { Unmanaged<ThreadBody>.fromOpaque(box).takeRetainedValue().run() }
  return nil
}

/// A directory of its own that is removed with its sockets when the test ends.
final class SocketDirectory: Sendable {
  private let folder = TestFolder("client")
  var socket: String { folder.file("client.sock") }
}

/// A daemon that does what a test says, line by line, over a blocking socket.
///
/// Everything has a time limit, far above what it takes, so that a broken client fails a test instead
/// of stopping it.
final class ScriptedDaemon: Sendable {
  private let listener: Int32
  private let path: String

  init(_ path: String, backlog: Int32 = 8) {
    self.path = path
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    unlink(path)
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    #expect(bound == 0 && listen(listener, backlog) == 0)
  }

  /// A daemon that ended leaves its socket's file behind.
  deinit { close(listener) }

  func accept() -> Peer {
    var entry = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    guard poll(&entry, 1, Peer.patience) == 1 else {
      Issue.record("nobody connected")
      return Peer(-1)
    }
    return Peer(Glibc.accept(listener, nil, nil))
  }

  final class Peer {
    fileprivate static let patience: Int32 = 60_000
    private let descriptor: Int32
    private var input: [UInt8] = []

    fileprivate init(_ descriptor: Int32) { self.descriptor = descriptor }
    deinit { close(descriptor) }

    func say(_ lines: DaemonLine...) {
      let bytes = lines.flatMap(\.bytes)
      let sent = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
      #expect(sent == bytes.count)
    }

    /// HELLO comes, WELCOME and the first window go: the ordinary beginning.
    func welcome(messages: UInt64 = 1_000, ranges: UInt32 = 0) {
      guard case .hello? = hear() else {
        Issue.record("no HELLO")
        return
      }
      say(.welcome(ranges: ranges))
      if ranges == 0 { say(.window(messages: messages)) }
    }

    /// The next frame; nil when the client hung up.
    func hear() -> Said? {
      while true {
        if let size = frameBytes, input.count >= size {
          defer { input.removeFirst(size) }
          return Conversation.read(Array(input[..<size])).first
        }
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard descriptor >= 0, poll(&entry, 1, Self.patience) == 1 else {
          Issue.record("the client says nothing")
          return nil
        }
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        if count <= 0 { return nil }
        input += chunk[..<count]
      }
    }

    func hear(_ count: Int) -> [Said] { (0..<count).compactMap { _ in hear() } }

    private var frameBytes: Int? {
      guard input.count >= 4 else { return nil }
      return input[..<4].reduce(0) { $0 << 8 | Int($1) } + 4
    }
  }
}
