import Glibc
import Testing

/// A daemon that is attacked while somebody who behaves is served beside it. It measures what that one
/// feels, and watches what the attack costs the daemon: memory, descriptors, balance.
final class Siege {
  /// What the one who behaves was served.
  struct Served {
    let messages: Int
    let p50: Double
    let p99: Double
  }

  let daemon: DaemonProcess
  /// The most anonymous memory that the settings allow: the buffers and a quarter, and 32 MiB.
  let residentMax: UInt64
  private(set) var residentPeak: UInt64 = 0
  private let options: [String]
  private var descriptors = Int.max
  private var baseline = Served(messages: 0, p50: 0, p99: 0)

  /// Measures the daemon at peace. `route` is where the one who behaves sends; `buffers` is what all
  /// routes together may hold in bytes.
  init(_ daemon: DaemonProcess, route: String? = nil, buffers: UInt64 = 64 << 20) async throws {
    self.daemon = daemon
    residentMax = buffers * 5 / 4 + (32 << 20)
    options = route.map { ["--route", $0] } ?? []
    baseline = try await served { _ in }
    // The last of those who asked may not be gone yet.
    for _ in 0..<10 {
      descriptors = min(descriptors, try #require(daemon.openDescriptors))
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  /// One client with 200 messages a second, in a process of its own: a test that is busy doesn't slow it.
  private func served(_ body: (Program) async throws -> Void) async throws -> Served {
    let isBaseline = baseline.messages == 0
    let load = try Program.start(
      "forebay-bench",
      [
        "load", daemon.socket, "--clients", "1", "--rate", "200", "--size", "100", "--drain", "60s",
        "--connect-timeout", "60s", "--duration", isBaseline ? "1500ms" : "10m",
      ] + options, in: daemon.place)
    try await body(load)
    if !isBaseline { load.kill(SIGINT) }
    let ended = try await load.end()
    #expect(
      ended.status == 0, "every message one outcome, no connection lost: \(ended.errors)")
    return Served(
      messages: Int(number("settled", in: ended.output)), p50: number("p50", in: ended.output),
      p99: number("p99", in: ended.output))
  }

  /// Runs an attack. It must end by itself; the sockets that it opened are closed afterwards.
  func attack(
    _ name: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
  ) async throws {
    residentPeak = 0
    let closedBefore = try await closures()
    let under = try await served { _ in
      // It is there before the attack, and for some time of it.
      try await expectEventually("the one who behaves", every: .milliseconds(10)) {
        let shown = try await daemon.admin(
          "show clients where name=forebay-bench\\ load sort received.messages limit 1")
        return DaemonState(shown ?? "").number("[0].received.messages") > 0
      }
      let end = ContinuousClock.now + .milliseconds(700)
      try await body()
      try await Task.sleep(until: end, clock: .continuous)
      look()
    }
    let closedNow = try await closures()
    let moved = closedNow.filter { $0.value != closedBefore[$0.key] && $0.key != "by_client" }
      .map { "\($0.key) +\($0.value - (closedBefore[$0.key] ?? 0))" }.sorted()
    print(
      "hostile, \(name): \(moved.isEmpty ? "nobody ended" : moved.joined(separator: ", ")); beside it "
        + "\(under.messages) messages, p50 \(ratio(under.p50, baseline.p50)), "
        + "p99 \(ratio(under.p99, baseline.p99)) (\(Int(baseline.p99)) → \(Int(under.p99)) µs); "
        + "anonymous memory at most \(residentPeak >> 20) of \(residentMax >> 20) MiB")
    #expect(under.messages > 0, "\(name)", sourceLocation: sourceLocation)
    // Whatever the machine is doing: nobody was forgotten.
    #expect(under.p99 < 20_000_000, "\(name)", sourceLocation: sourceLocation)
    #expect(residentPeak <= residentMax, "\(name)", sourceLocation: sourceLocation)
    #expect(
      daemon.program.isRunning, "\(daemon.errors.suffix(500))", sourceLocation: sourceLocation)
  }

  /// Looks at the daemon's memory: to be called while an attack goes on.
  func look() { residentPeak = max(residentPeak, daemon.residentBytes) }

  /// Everything that came with the attackers has gone with them.
  func expectUnharmed(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    try await expectEventually(
      "\(descriptors) descriptors instead of \(daemon.openDescriptors ?? -1)",
      every: .milliseconds(20), sourceLocation: sourceLocation
    ) { daemon.openDescriptors == descriptors }
    #expect(try await daemon.state().isBalanced, sourceLocation: sourceLocation)
    #expect(!daemon.errors.contains("broken invariant"), sourceLocation: sourceLocation)
  }

  private func closures() async throws -> [String: UInt64] {
    try await daemon.state().values.reduce(into: [:]) { found, field in
      if field.key.hasPrefix("closed.") {
        found[String(field.key.dropFirst("closed.".count))] = UInt64(field.value)
      }
    }
  }

  private func ratio(_ value: Double, _ base: Double) -> String {
    let tenths = Int((value / max(base, 1) * 10).rounded())
    return "× \(tenths / 10).\(tenths % 10)"
  }
}

/// A number of a program's JSON by its name, which must be there once.
private func number(_ name: String, in json: String) -> Double {
  guard let place = json.firstRange(of: "\"\(name)\":") else { return 0 }
  return Double(json[place.upperBound...].prefix { $0.isNumber || $0 == "." }) ?? 0
}

extension DaemonProcess {
  /// Started with these variables in its environment.
  static func with(_ variables: [String]) -> [String] { ["/usr/bin/env"] + variables }

  /// How many descriptors it has open; nil where nobody may look.
  var openDescriptors: Int? { descriptors?.count }

  /// The number that its next descriptor will have.
  var lowestFreeDescriptor: Int? {
    descriptors.flatMap { used in (0...used.count).first { !used.contains($0) } }
  }

  private var descriptors: Set<Int>? {
    guard let directory = opendir("/proc/\(program.id)/fd") else { return nil }
    defer { closedir(directory) }
    var numbers: Set<Int> = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let number = Int(name) { numbers.insert(number) }
    }
    return numbers
  }

  /// Its anonymous memory, as the kernel counts it.
  var residentBytes: UInt64 {
    let status = Workplace.read("/proc/\(program.id)/status")
    guard let place = status.firstRange(of: "RssAnon:") else { return 0 }
    let line = status[place.upperBound...].prefix { $0 != "\n" }
    return (UInt64(line.filter(\.isNumber)) ?? 0) << 10
  }

  /// The processor time that it has used, in clock ticks of a hundredth of a second.
  var processorTicks: Int {
    let fields = Workplace.read("/proc/\(program.id)/stat").split(separator: ")").last?.split(
      separator: " ")
    guard let fields, fields.count > 12 else { return 0 }
    return (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0)
  }
}
