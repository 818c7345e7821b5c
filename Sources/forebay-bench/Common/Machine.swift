import Glibc

/// What measurements were made on.
enum Machine {
  static var processors: Int { sysconf(Int32(_SC_NPROCESSORS_ONLN)) }

  static var description: String {
    let kernel = readFile("/proc/sys/kernel/osrelease")?.split(separator: "\n").first ?? "?"
    return "\(processors) processors (\(model)), Linux \(kernel)"
  }

  private static var model: String {
    let lines = (readFile("/proc/cpuinfo") ?? "").split(separator: "\n")
    let line = lines.first { $0.hasPrefix("model name") }
    return line?.split(separator: ":").last.map { String($0.drop { $0 == " " }) } ?? "unknown"
  }
}
