import Testing

@testable import forebay_bench

struct ProxyFilesTests {
  private let place = RunPlace(directory: "/tmp/x")
  private let scenario = Scenario(mode: .throughput, payloadBytes: 128, clients: 8)

  private func proxy(_ kind: ProxyKind) -> Proxy {
    Proxy(kind: kind, program: "/bin/\(kind.rawValue)", version: "1.0")
  }

  private func text(_ kind: ProxyKind, isRoot: Bool = false) -> String {
    ProxyFiles.files(proxy(kind), at: place, isRoot: isRoot).map(\.text).joined()
  }

  @Test(arguments: [ProxyKind.haproxy, .haproxyLarge, .nginx, .envoy])
  func leadsFromTheSocketToTheSink(kind: ProxyKind) throws {
    let files = ProxyFiles.files(proxy(kind), at: place, isRoot: true)
    let file = try #require(files.first)
    #expect(files.count == 1)
    #expect(file.text.contains(place.socket) && file.text.contains(place.sink))
    let command = ProxyFiles.command(proxy(kind), at: place, scenario)
    #expect(command.contains("\(place.directory)/\(file.name)"))
  }

  @Test func givesEachOneWorker() {
    #expect(text(.haproxy).contains("nbthread 1\n"))
    #expect(!text(.haproxy).contains("tune.") && text(.haproxyLarge).contains("tune.bufsize 65536"))
    #expect(text(.nginx).contains("worker_processes 1;"))
    let envoy = ProxyFiles.command(proxy(.envoy), at: place, scenario)
    #expect(envoy.joined(separator: " ").contains("--concurrency 1 "))
  }

  @Test func letsNoneWriteLogs() {
    #expect(!text(.haproxy).contains("log"))
    #expect(text(.nginx).contains("access_log off;"))
    #expect(!text(.envoy).contains("access_log"))
    let envoy = ProxyFiles.command(proxy(.envoy), at: place, scenario)
    #expect(envoy.suffix(2) == ["--log-level", "off"])
  }

  @Test func letsNginxWorkAsItsMaster() {
    #expect(text(.nginx, isRoot: true).contains("user root;"))
    #expect(!text(.nginx, isRoot: false).contains("user root;"))
  }

  @Test func takesNothingOfForebaydsProtectionAway() {
    let command = ProxyFiles.command(proxy(.forebayd), at: place, scenario)
    let options = Set(command.filter { $0.hasPrefix("--") })
    #expect(
      options == [
        "--socket", "--admin-socket", "--upstream", "--buffer-messages", "--buffer-bytes",
        "--window-messages", "--log-level",
      ])
    #expect(command.contains("4096"))
  }

  @Test func isShownWithoutThisMachinesPaths() {
    for kind in ProxyKind.allCases {
      let text = ComparisonReport.setUp(proxy(kind))
      #expect(text.hasPrefix("\(kind.rawValue) "))
      #expect(text.contains("DIR/proxy.sock") && !text.contains("/bin/"))
    }
  }
}

struct ProxyKindTests {
  @Test func findsVersions() {
    #expect(versionNumber(in: "HAProxy version 2.6.12-1+deb12u4 2026/10/17") == "2.6.12")
    #expect(versionNumber(in: "nginx version: nginx/1.22.1\n") == "1.22.1")
    #expect(versionNumber(in: "envoy  version: 9e55809337/1.40.0/Clean/RELEASE") == "1.40.0")
    #expect(versionNumber(in: "what? usage: x [-v]...") == nil)
  }
}
