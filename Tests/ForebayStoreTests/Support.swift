import ForebayWire
import Glibc
import Synchronization
import TestFolder
import Testing

@testable import ForebayStore

/// A directory that is removed when the test ends.
final class TemporaryDirectory {
  private let folder = TestFolder("store")
  var path: String { folder.path }
  func file(_ name: String) -> String { folder.file(name) }
}

/// A journal with the loop's side of it: frames to send, results in order.
final class JournalHarness {
  let journal: Journal
  private(set) var results: [JournalResult] = []
  /// The tokens in the order of completion.
  private(set) var order: [UInt64] = []
  private let wakes: Counter

  init(_ path: String, _ options: JournalOptions = JournalOptions()) throws(StoreError) {
    let wakes = Counter()
    self.wakes = wakes
    journal = try Journal(path: path, options: options) { wakes.increment() }
  }

  var wakeCount: Int { wakes.value }

  func take(_ sequences: ClosedRange<UInt64>, tag: UInt64 = 1, bytes: Int = 32) -> JournalBatch {
    guard let batch = journal.takeBatch() else {
      Issue.record("no batch is free")
      fatalError("no batch is free")
    }
    fill(batch, sequences, tag: tag, bytes: bytes)
    return batch
  }

  func fill(
    _ batch: JournalBatch, _ sequences: ClosedRange<UInt64>, tag: UInt64 = 1, bytes: Int = 32
  ) {
    let payloads = sequences.map { payload($0, bytes: bytes) }
    let run = frames(from: sequences.lowerBound, payloads)
    let fits = run.withUnsafeBytes {
      batch.append(
        $0, messageCount: payloads.count, firstSequence: sequences.lowerBound,
        tag: ID128(high: 0, low: tag), receivedAtMilliseconds: 1_764_000_000_000)
    }
    #expect(fits, "the frames don't fit the batch")
    batch.token = sequences.upperBound
  }

  func submit(_ sequences: ClosedRange<UInt64>, tag: UInt64 = 1, bytes: Int = 32) {
    journal.submit(take(sequences, tag: tag, bytes: bytes))
  }

  func drain() {
    journal.drainCompletions { batch, result in
      order.append(batch.token)
      results.append(result)
    }
  }

  /// Waits until `count` results have come since the harness began.
  func expectResults(_ count: Int, sourceLocation: SourceLocation = #_sourceLocation) async {
    await expectEventually("\(count) results", sourceLocation: sourceLocation) {
      self.drain()
      return self.results.count >= count
    }
    #expect(results.count == count, sourceLocation: sourceLocation)
  }

  /// For where a test can't await.
  func writeBlocking(_ sequences: ClosedRange<UInt64>) {
    let before = results.count
    submit(sequences, bytes: 0)
    while results.count == before {
      usleep(1000)
      drain()
    }
  }

  /// Submits a batch and returns what came of it.
  func write(_ sequences: ClosedRange<UInt64>, tag: UInt64 = 1, bytes: Int = 32) async
    -> JournalResult
  {
    let before = results.count
    submit(sequences, tag: tag, bytes: bytes)
    await expectResults(before + 1)
    return results[before]
  }
}

final class Counter: Sendable {
  private let count = Atomic<Int>(0)
  func increment() { count.add(1, ordering: .relaxed) }
  var value: Int { count.load(ordering: .relaxed) }
}

extension JournalResult {
  var failure: StoreError? {
    switch self {
    case .committed: nil
    case .failed(let error): error
    }
  }
}

func payload(_ sequence: UInt64, bytes: Int) -> [UInt8] {
  let text = Array("message \(sequence) ".utf8)
  return text + [UInt8](repeating: UInt8(ascii: "."), count: max(0, bytes - text.count))
}

/// DATA frames with consecutive sequences.
func frames(from first: UInt64, _ payloads: [[UInt8]], lane: UInt8 = 0, extensions: [UInt8] = [])
  -> [UInt8]
{
  var bytes: [UInt8] = []
  for (index, payload) in payloads.enumerated() {
    let header = DataHeader(
      sequence: first + UInt64(index), lane: lane, extensionBytes: extensions.count)
    var fixed = [UInt8](repeating: 0, count: WireLimits.dataFixedBytes)
    fixed.withUnsafeMutableBytes {
      header.write(to: $0.baseAddress!, payloadBytes: payload.count)
    }
    bytes += fixed + extensions + payload
  }
  return bytes
}

/// Polls, so that no test depends on how fast the machine is.
func expectEventually(
  _ what: String, sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () throws -> Bool
) async rethrows {
  for _ in 0..<30_000 {
    if try condition() { return }
    try? await Task.sleep(for: .milliseconds(1))
  }
  Issue.record("waited 30 s for \(what)", sourceLocation: sourceLocation)
}

/// Runs a program to its end; its exit status.
@discardableResult
func run(_ arguments: String...) -> Int32 {
  guard let child = Child(arguments) else { return -1 }
  return child.waitForExit()
}

/// A child process whose standard output can be read.
final class Child {
  let process: pid_t
  private let output: Int32
  private(set) var text: [UInt8] = []

  init?(_ arguments: [String]) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
    var vector = arguments.map { strdup($0) } + [nil]
    defer { for word in vector { free(word) } }
    var id = pid_t()
    let code = posix_spawnp(&id, arguments[0], &actions, nil, &vector, environ)
    close(ends[1])
    guard code == 0 else {
      close(ends[0])
      return nil
    }
    process = id
    output = ends[0]
  }

  deinit { close(output) }

  /// Reads what is there; false at the end.
  func readSome() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = read(output, &buffer, buffer.count)
    guard count > 0 else { return false }
    text += buffer[..<count]
    return true
  }

  func waitForExit() -> Int32 {
    while readSome() {}
    var status: Int32 = 0
    waitpid(process, &status, 0)
    return status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
  }
}

/// A second connection, for what another program does to the file.
func withDatabase<Result>(_ path: String, _ body: (SQLiteDatabase) throws -> Result) throws
  -> Result
{
  let database = try SQLiteDatabase(path: path, access: .readWrite)
  database.waitWhenBusy(milliseconds: 10_000)
  return try body(database)
}

func integer(in path: String, _ sql: String) throws -> Int64? {
  try withDatabase(path) { try $0.integer(sql) }
}

func mode(_ path: String) -> mode_t? {
  var status = stat()
  return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
}

func exists(_ path: String) -> Bool { mode(path) != nil }

func overwrite(_ path: String, _ bytes: [UInt8], at offset: off_t = 0) {
  // Not for programs that other tests start just now: they would keep a file's space after its removal.
  let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
  #expect(pwrite(file, bytes, bytes.count, offset) == bytes.count)
  close(file)
}

/// A small file system in memory, for full and read-only disks. It needs root and the right to mount.
final class MountedDisk {
  let path: String
  private let directory = TemporaryDirectory()

  static let isPossible = MountedDisk(options: "size=64k") != nil

  init?(options: String) {
    path = directory.file("disk")
    guard geteuid() == 0, mkdir(path, 0o755) == 0,
      mount("tmpfs", path, "tmpfs", 0, options) == 0
    else { return nil }
  }

  var bytesFree: UInt64 {
    var status = statvfs()
    return statvfs(path, &status) == 0 ? UInt64(status.f_bfree) * UInt64(status.f_bsize) : 0
  }

  func makeReadOnly() -> Bool {
    mount("tmpfs", path, "tmpfs", UInt(MS_REMOUNT | MS_RDONLY), nil) == 0
  }

  deinit { umount2(path, Int32(MNT_DETACH)) }
}
