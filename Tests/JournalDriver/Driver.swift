import ForebayStore
import ForebayWire
import Glibc
import Synchronization

/// A signal that the journal's thread gives and the "loop" waits for.
final class Bell: Sendable {
  private let semaphore: UncheckedPointer

  private struct UncheckedPointer: @unchecked Sendable {
    let pointer: UnsafeMutablePointer<sem_t>
  }

  init() {
    semaphore = UncheckedPointer(pointer: .allocate(capacity: 1))
    sem_init(semaphore.pointer, 0, 0)
  }

  func ring() { sem_post(semaphore.pointer) }
  func wait() { while sem_wait(semaphore.pointer) != 0 {} }
}

/// Frames of one size in a row, whose sequences can be counted on.
struct FrameStream {
  private let header: DataHeader
  private let payloadBytes: Int
  private var bytes: [UInt8]
  let count: Int
  private(set) var nextSequence: UInt64 = 1

  init(count: Int, payloadBytes: Int) {
    self.count = count
    self.payloadBytes = payloadBytes
    header = DataHeader(sequence: 0)
    bytes = [UInt8](
      repeating: UInt8(ascii: "x"), count: count * header.frameBytes(payloadBytes: payloadBytes))
  }

  /// Appends the next `count` frames to the batch as one segment.
  mutating func fill(_ batch: JournalBatch, tag: ID128, receivedAt: Int64) {
    let first = nextSequence
    bytes.withUnsafeMutableBytes { bytes in
      var place = bytes.baseAddress!
      for index in 0..<count {
        var header = header
        header.sequence = first + UInt64(index)
        header.write(to: place, payloadBytes: payloadBytes)
        place += header.frameBytes(payloadBytes: payloadBytes)
      }
    }
    nextSequence += UInt64(count)
    let fits = bytes.withUnsafeBytes {
      batch.append(
        $0, messageCount: count, firstSequence: first, tag: tag, receivedAtMilliseconds: receivedAt)
    }
    guard fits else { fatalError("the frames don't fit the batch") }
  }
}

func writeForEver(path: String) {
  let bell = Bell()
  let journal: Journal
  do { journal = try Journal(path: path) { bell.ring() } } catch { fatalError("\(error)") }
  var stream = FrameStream(count: 20, payloadBytes: 100)
  while true {
    while let batch = journal.takeBatch() {
      stream.fill(batch, tag: ID128(high: 1, low: 2), receivedAt: 0)
      batch.token = stream.nextSequence - 1
      journal.submit(batch)
    }
    bell.wait()
    var committed: UInt64 = 0
    journal.drainCompletions { batch, result in
      guard result == .committed else { fatalError("\(result)") }
      committed = batch.token
    }
    if committed > 0 { report("committed \(committed)\n") }
  }
}

/// Straight to the descriptor: what a killed process has printed must be there.
func report(_ line: String) {
  let bytes = Array(line.utf8)
  guard write(STDOUT_FILENO, bytes, bytes.count) == bytes.count else { exit(0) }
}
