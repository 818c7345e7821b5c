import ArgumentParser
import ForebayStore
import Glibc

/// What is wrong with a line of the input, without its number.
struct ReplayProblem: Error, Equatable {
  let text: String
  init(_ text: String) { self.text = text }
}

/// Lines of standard input to lines of standard output, one for one.
enum ReplayStream {
  // sysexits.h
  static let badInputStatus: Int32 = 65
  static let inputOutputStatus: Int32 = 74
  static let configurationStatus: Int32 = 78

  /// No event needs more; a line without end is a wrong file.
  static let lineBytesMax = 65_536

  typealias Replay = (ReplayObject) throws(ReplayProblem) -> String

  static func run(_ replay: Replay) throws {
    var lines = ReplayLines(descriptor: STDIN_FILENO)
    let output = OutputBuffer(descriptor: STDOUT_FILENO)
    while true {
      // Whoever feeds it by hand, or from a log that grows, sees each answer at once.
      if !lines.hasLine { try flush(output) }
      do throws(ReplayProblem) {
        guard let line = try lines.next() else { break }
        if line.isEmpty { continue }
        output.append(try replay(try ReplayObject(line)) + "\n")
      } catch {
        try flush(output)
        printError("standard input, line \(lines.number): \(error.text)")
        throw ExitCode(badInputStatus)
      }
    }
    try flush(output)
    if let failure = lines.failure {
      printError("can't read standard input: \(String(cString: strerror(failure)))")
      throw ExitCode(inputOutputStatus)
    }
  }

  private static func flush(_ output: OutputBuffer) throws {
    do throws(StoreError) {
      try output.flush()
    } catch {
      // That nobody reads any more, as when `head` has seen enough, is no news.
      if error.kind != .closed { printError("can't write: \(error.detail)") }
      throw ExitCode(inputOutputStatus)
    }
  }
}

/// The lines of a descriptor, without blanks around them.
struct ReplayLines {
  private let descriptor: Int32
  private var bytes: [UInt8] = []
  private var start = 0
  private var isAtEnd = false
  /// Of the line that `next` gave out last, or found wrong; from 1 on.
  private(set) var number = 0
  /// Why reading ended before the input did.
  private(set) var failure: Int32?

  init(descriptor: Int32) { self.descriptor = descriptor }

  /// Whether `next` can answer without reading.
  var hasLine: Bool { isAtEnd || bytes[start...].contains(0x0a) }

  /// The next line; nil at the end.
  mutating func next() throws(ReplayProblem) -> String? {
    while true {
      if let end = bytes[start...].firstIndex(of: 0x0a) {
        defer { start = end + 1 }
        return try text(bytes[start..<end])
      }
      guard !isAtEnd else {
        defer { start = bytes.count }
        return start == bytes.count ? nil : try text(bytes[start...])
      }
      if bytes.count - start > ReplayStream.lineBytesMax { _ = try text(bytes[start...]) }
      fill()
    }
  }

  private mutating func text(_ line: ArraySlice<UInt8>) throws(ReplayProblem) -> String {
    number += 1
    guard line.count <= ReplayStream.lineBytesMax else {
      throw ReplayProblem("is longer than \(ReplayStream.lineBytesMax) bytes")
    }
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }
    let from = line.firstIndex { !isBlank($0) } ?? line.endIndex
    let to = line.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? from
    guard let text = String(validating: line[from..<to], as: UTF8.self) else {
      throw ReplayProblem("isn't UTF-8")
    }
    return text
  }

  private mutating func fill() {
    bytes.removeFirst(start)
    start = 0
    let held = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: ReplayStream.lineBytesMax))
    var count: Int
    repeat {
      count = bytes.withUnsafeMutableBytes {
        read(descriptor, $0.baseAddress! + held, $0.count - held)
      }
    } while count < 0 && errno == EINTR
    if count < 0 { failure = errno }
    if count <= 0 { isAtEnd = true }
    bytes.removeLast(bytes.count - held - max(0, count))
  }
}
