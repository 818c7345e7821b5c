import ForebayCore
import ForebayUV
import Glibc

/// Where results go: standard output, or a file that is written anew.
struct Output {
  private let descriptor: Int32

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  init(_ path: String?) throws {
    guard let path else {
      descriptor = 1
      return
    }
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw Failure(description: "can't write \(path): \(String(cString: strerror(errno)))")
    }
  }

  func line(_ text: String) { write(text + "\n") }
  func write(_ text: String) { writeAll(text, to: descriptor) }
}

func printError(_ text: String) { writeAll(text + "\n", to: 2) }

/// False if nobody reads any more.
@discardableResult
func writeAll(_ text: String, to descriptor: Int32) -> Bool {
  var text = text
  return text.withUTF8 { bytes in
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = write(
        descriptor, UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: rest)).baseAddress,
        rest.count)
      guard count > 0 else { return errno != EPIPE && errno != EIO }
      rest = rest.dropFirst(count)
    }
    return true
  }
}

func monotonicNow() -> Instant { Instant(nanoseconds: Loop.now) }
