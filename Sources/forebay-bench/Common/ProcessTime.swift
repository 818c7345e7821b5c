import Glibc

/// The CPU time that this process has used, in nanoseconds.
func processCPU() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// The CPU time that all threads of another process have used, in nanoseconds, as its scheduler
/// counts it; nil if there is no such process.
func cpuTime(ofProcess process: Int32) -> UInt64? {
  let folder = "/proc/\(process)/task"
  var total: UInt64 = 0
  var found = false
  for name in names(inFolder: folder) ?? [] {
    guard let text = readSmallFile("\(folder)/\(name)/schedstat"),
      let first = text.split(separator: " ").first, let nanoseconds = UInt64(first)
    else { continue }
    total += nanoseconds
    found = true
  }
  return found ? total : nil
}

private func readSmallFile(_ path: String) -> String? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  return withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
    let count = read(descriptor, buffer.baseAddress, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: buffer.prefix(count), as: UTF8.self)
  }
}

/// The anonymous resident memory of another process in KiB.
func anonymousMemory(ofProcess process: Int32) -> Int? {
  guard let text = readSmallFile("/proc/\(process)/status") else { return nil }
  for line in text.split(separator: "\n") where line.hasPrefix("RssAnon:") {
    return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap {
      Int($0)
    }
  }
  return nil
}
