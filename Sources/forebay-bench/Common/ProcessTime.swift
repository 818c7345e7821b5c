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
  guard let directory = opendir(folder) else { return nil }
  defer { closedir(directory) }
  var total: UInt64 = 0
  var found = false
  while let entry = readdir(directory) {
    let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    guard name != ".", name != "..", let text = readSmallFile("\(folder)/\(name)/schedstat"),
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
  return withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { buffer in
    let count = read(descriptor, buffer.baseAddress, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: buffer.prefix(count), as: UTF8.self)
  }
}
