import ForebayUV
import Glibc
import TestFolder
import Testing

/// Gives `body` a loop and ends it cleanly, so that a handle that can't be closed fails the test.
func withLoop(_ body: (Loop) throws -> Void) throws {
  let loop = try Loop()
  do {
    try body(loop)
  } catch {
    try loop.finish()
    throw error
  }
  try loop.finish()
}

/// Turns the loop until `condition` holds; 20 seconds without is a failure.
func turn(
  _ loop: Loop, until condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let tick = try Timer(on: loop) {}
  tick.fire(everyMilliseconds: 2)
  defer { tick.close() }
  let deadline = loop.now + 20_000_000_000
  while !condition() && loop.now < deadline { loop.runOnce() }
  try #require(condition(), "waited 20 s in vain", sourceLocation: sourceLocation)
}

/// Gives `body` a new directory of mode 0700 and removes it with what is in it.
func withDirectory(_ body: (String) throws -> Void) throws {
  let folder = TestFolder("uv")
  try withExtendedLifetime(folder) { try body(folder.path) }
}

/// What a directory holds, sorted.
func names(in path: String) -> [String] {
  guard let directory = opendir(path) else { return [] }
  defer { closedir(directory) }
  var names: [String] = []
  while let entry = readdir(directory) {
    // In place: an entry's memory ends with its name, long before the field does.
    let name = String(
      cString: UnsafeRawPointer(entry).advanced(by: MemoryLayout<dirent>.offset(of: \.d_name)!)
        .assumingMemoryBound(to: CChar.self))
    if name != "." && name != ".." { names.append(name) }
  }
  return names.sorted()
}

func fileMode(_ path: String) -> UInt32? {
  var status = stat()
  return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
}

func inode(_ path: String) -> UInt64? {
  var status = stat()
  return lstat(path, &status) == 0 ? UInt64(status.st_ino) : nil
}

/// An owner that keeps what it hears.
final class Recorder: StreamOwner {
  let buffer: UnsafeMutableRawBufferPointer
  var bytes: [UInt8] = []
  var reads = 0
  /// How many of the next buffers to refuse.
  var refusals = 0
  /// Refuse every buffer after that many reads in one turn; the test starts the turns.
  var readsPerTurn = Int.max
  var readsThisTurn = 0
  var mostReadsInATurn = 0
  var ending: ReadEnding?
  var endings = 0
  var drains = 0
  var writeErrors: [UVError] = []
  var isClosed = false
  var onRead: ((StreamHandle, UnsafeRawBufferPointer) -> Void)?

  init(capacity: Int = 65_536) {
    buffer = .allocate(byteCount: capacity, alignment: 16)
  }

  deinit { buffer.deallocate() }

  func streamWillRead(_ stream: StreamHandle) -> UnsafeMutableRawBufferPointer {
    if refusals > 0 {
      refusals -= 1
      return UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }
    if readsThisTurn >= readsPerTurn { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
    return buffer
  }

  func streamRead(_ stream: StreamHandle, count: Int) {
    reads += 1
    readsThisTurn += 1
    mostReadsInATurn = max(mostReadsInATurn, readsThisTurn)
    let read = UnsafeRawBufferPointer(rebasing: buffer[..<count])
    if let onRead { onRead(stream, read) } else { bytes.append(contentsOf: read) }
  }

  func streamReadEnded(_ stream: StreamHandle, _ ending: ReadEnding) {
    self.ending = ending
    endings += 1
  }

  func streamDrained(_ stream: StreamHandle) { drains += 1 }
  func streamWriteFailed(_ stream: StreamHandle, _ error: UVError) { writeErrors.append(error) }
  func streamClosed(_ stream: StreamHandle) { isClosed = true }
}

/// Two connected streams of one loop, each with its recorder, not reading yet.
struct StreamPair {
  let near: StreamHandle
  let far: StreamHandle
  let nearOwner: Recorder
  let farOwner: Recorder

  /// `capacity` is that of the buffers they read into.
  init(on loop: Loop, capacity: Int = 65_536) throws {
    nearOwner = Recorder(capacity: capacity)
    farOwner = Recorder(capacity: capacity)
    var descriptors: [Int32] = [-1, -1]
    try #require(
      socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &descriptors)
        == 0)
    near = try StreamHandle(on: loop, .pipe)
    far = try StreamHandle(on: loop, .pipe)
    try near.open(descriptors[0])
    try far.open(descriptors[1])
    near.attach(nearOwner)
    far.attach(farOwner)
  }
}

func write(_ stream: StreamHandle, _ text: String) -> WriteResult {
  Array(text.utf8).withUnsafeBytes { stream.tryWrite($0) }
}

/// Leaves what a killed listener leaves: a socket file that nobody serves.
func leaveStaleSocket(_ path: String) {
  let descriptor = rawListener(path)
  #expect(descriptor >= 0)
  close(descriptor)
}

/// A listening socket made without any care.
func rawListener(_ path: String) -> Int32 {
  let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
  let bound = withUnsafePointer(to: address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
    }
  }
  return bound == 0 && listen(descriptor, 5) == 0 ? descriptor : -1
}

extension Recorder {
  var text: String { String(decoding: bytes, as: UTF8.self) }
}
