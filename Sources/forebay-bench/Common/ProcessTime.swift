import Glibc

/// The CPU time that this process has used, in nanoseconds.
func processCPU() -> UInt64 {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// A process and everything that it has started: a proxy may do its work in a child.
struct ProcessTree: Equatable, Sendable {
  /// The first is the process itself.
  let members: [Int32]

  init(of root: Int32) {
    var parents: [(child: Int32, parent: Int32)] = []
    for name in names(inFolder: "/proc") ?? [] {
      guard let child = Int32(name), let text = readFile("/proc/\(name)/stat"),
        let parent = Self.parent(inStat: text)
      else { continue }
      parents.append((child, parent))
    }
    var found = [root]
    var next = 0
    while next < found.count {
      found += parents.filter { $0.parent == found[next] }.map(\.child).sorted()
      next += 1
    }
    members = found
  }

  /// The parent's number, by a line of `/proc/PID/stat`: `PID (NAME) STATE PARENT …`, where the name
  /// may hold anything, parentheses too.
  static func parent(inStat text: String) -> Int32? {
    guard let name = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: name)...].split(separator: " ")
    return fields.count > 1 ? Int32(fields[1]) : nil
  }

  /// The CPU time of all threads in nanoseconds, as the scheduler counts it; nil if a process has
  /// ended.
  func cpuTime() -> UInt64? {
    var total: UInt64 = 0
    for member in members {
      guard let time = cpuTime(ofProcess: member) else { return nil }
      total += time
    }
    return total
  }

  private func cpuTime(ofProcess process: Int32) -> UInt64? {
    let folder = "/proc/\(process)/task"
    var total: UInt64 = 0
    var found = false
    for name in names(inFolder: folder) ?? [] {
      guard let text = readFile("\(folder)/\(name)/schedstat"),
        let first = text.split(separator: " ").first, let nanoseconds = UInt64(first)
      else { continue }
      total += nanoseconds
      found = true
    }
    return found ? total : nil
  }

  func memory() -> ResidentMemory {
    members.reduce(ResidentMemory()) { sum, member in
      sum + ResidentMemory(status: readFile("/proc/\(member)/status") ?? "")
    }
  }
}

/// Resident memory in KiB.
struct ResidentMemory: Equatable, Sendable {
  /// With the program's own pages, which processes may share.
  var total = 0
  /// What no file backs.
  var anonymous = 0

  init() {}

  /// By the text of `/proc/PID/status`.
  init(status: String) {
    for line in status.split(separator: "\n") {
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard words.count > 1, let number = Int(words[1]) else { continue }
      switch words[0] {
      case "VmRSS:": total = number
      case "RssAnon:": anonymous = number
      case _: break
      }
    }
  }

  static func + (a: ResidentMemory, b: ResidentMemory) -> ResidentMemory {
    var sum = a
    sum.total += b.total
    sum.anonymous += b.anonymous
    return sum
  }
}
