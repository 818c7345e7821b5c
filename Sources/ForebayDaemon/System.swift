import ForebayUV
import ForebayWire
import Glibc

/// What the daemon asks of the system beyond libuv: directories, the wall clock, a seed, memory.
enum Directories {
  /// Makes the last directory of a path's parent, so that a first start needs no preparation. Nothing
  /// above it is made: a mistyped path should fail.
  static func makeIfMissing(parentOf path: String, mode: mode_t) throws {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
    let parent = String(path[..<slash])
    if mkdir(parent, mode) != 0, errno != EEXIST {
      throw DirectoryError(path: parent, reason: String(cString: strerror(errno)))
    }
  }

  struct DirectoryError: Error, CustomStringConvertible {
    let path: String
    let reason: String
    var description: String { "the directory \(path) can't be made: \(reason)" }
  }
}

enum WallClock {
  static func milliseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }

  /// UTC with milliseconds, as in the log.
  static func text(milliseconds: Int64) -> String {
    var seconds = time_t(milliseconds / 1000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    var text = [CChar](repeating: 0, count: 32)
    strftime(&text, text.count, "%Y-%m-%dT%H:%M:%S", &parts)
    let whole = String(
      decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return "\(whole).\(String(milliseconds % 1000 + 1000).dropFirst())Z"
  }
}

enum SystemSeed {
  static func draw() -> UInt64 {
    var random = SystemRandomNumberGenerator()
    return random.next()
  }
}

enum StandardStreams {
  /// Whoever started us may have closed them. Then the next files would get their numbers, and log
  /// lines would go to a client or into a store.
  static func openMissing() {
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
      // The lowest free number is this one.
      _ = open("/dev/null", descriptor == STDIN_FILENO ? O_RDONLY : O_WRONLY)
    }
  }
}

enum Signals {
  static let terminating = [SIGTERM, SIGINT]
  static let reloading = SIGHUP

  /// Whoever started us may have blocked them, and that is inherited: then only SIGKILL would end us.
  static func unblockOurs() {
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in terminating + [reloading] { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }
}

/// The process's resident memory that no file backs, in bytes.
enum ResidentMemory {
  static func anonymous() -> Int {
    guard let file = fopen("/proc/self/status", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(
        decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard text.hasPrefix("RssAnon:") else { continue }
      return (Int(text.filter(\.isNumber)) ?? 0) * 1024
    }
    return 0
  }
}

extension StreamHandle {
  /// Whether the other end is gone altogether. After its end of file a stream isn't read, so nothing
  /// else would tell.
  var isHungUp: Bool {
    guard let descriptor = try? descriptor else { return true }
    var entry = pollfd(fd: descriptor, events: 0, revents: 0)
    return poll(&entry, 1, 0) > 0 && Int32(entry.revents) & (POLLHUP | POLLERR) != 0
  }

  /// One read now, outside the loop's turn; zero when there is nothing or no more.
  func readNow(into buffer: UnsafeMutableRawBufferPointer) throws(UVError) -> Int {
    let count = recv(try descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
    return max(0, count)
  }
}
