import ForebayWire
import Glibc
import Testing

extension HostileTests {
  /// The disk below a journal is full, or read-only: its route waits, loses nothing, and goes on.
  @Suite(.enabled(if: SmallDisk.isPossible, SmallDisk.why))
  struct DiskTests {
    private let place = Workplace()

    private func daemon(_ journal: String) async throws -> DaemonProcess {
      try await DaemonProcess.ready(
        in: place,
        prefix: DaemonProcess.with([
          "FOREBAY_BREAKER_BASE_WAIT=100ms", "FOREBAY_BREAKER_MAXIMUM_WAIT=300ms",
          "FOREBAY_BREAKER_MINIMUM_HALF_OPEN=0s", "FOREBAY_BACKOFF_MAXIMUM=300ms",
          // Else a batch of a hundred that failed waits ten seconds for its share of the retries.
          "FOREBAY_RETRY_BUDGET_MINIMUM_PER_SECOND=10000",
        ]),
        [
          "--upstream", "main=journal:\(journal)",
          "--upstream", "good=journal:\(place.file("good.db"))",
          "--buffer-messages", "1000", "--buffer-bytes", "16MiB",
        ])
    }

    private func says(_ text: String, _ daemon: DaemonProcess) -> Bool {
      daemon.logLines.compactMap(logFields).contains {
        $0["level"] == "warning" && $0["msg"]?.hasPrefix("journal: ") == true
          && $0["msg"]?.contains(text) == true
      }
    }

    private func hasOpened(_ daemon: DaemonProcess) async throws -> Bool {
      try await daemon.state().number("routes[0].breaker.openings") > 0
    }

    @Test func aFullDiskLosesNothing() async throws {
      let disk = try #require(SmallDisk(in: place, bytes: 24 << 20))
      defer { disk.detach() }
      disk.fill("ballast", bytes: 21 << 20)
      let daemon = try await daemon(disk.file("j.db"))
      let siege = try await Siege(daemon, route: "good", buffers: 32 << 20)
      let producers = (1...2).map { Producer("p\($0)", to: daemon) }
      for producer in producers { producer.offer(3000, payloadBytes: 700) }
      try await siege.attack("a full disk") {
        try await turn(producers, until: "a full disk, and an open breaker") {
          siege.look()
          return try await hasOpened(daemon) && says("full", daemon)
        }
      }
      let state = try await daemon.state()
      #expect(state.heldMessages <= 1000)
      unlink(disk.file("ballast"))
      try await turnUntilSettled(producers)
      #expect(producers.allSatisfy { $0.connects == 1 && $0.errors.isEmpty })
      #expect(try await daemon.stop() == 0)
      try JournalContents(disk.file("j.db")).expectExactly(producers)
    }

    /// It goes away, and comes back read-only, as file systems do after an error. What is written meanwhile
    /// goes into a new journal in its place.
    @Test func aReadOnlyDiskLosesNothing() async throws {
      let disk = try #require(SmallDisk(in: place, bytes: 8 << 20))
      defer { disk.detach() }
      let home = place.file("home")
      #expect(mkdir(home, 0o700) == 0 && disk.show(at: home))
      let journal = "\(home)/j.db"
      let daemon = try await daemon(journal)
      let siege = try await Siege(daemon, route: "good", buffers: 32 << 20)
      let producer = Producer("p", to: daemon)
      producer.offer(300)
      try await turnUntilSettled([producer])
      try await siege.attack("a read-only disk") {
        #expect(disk.hide(at: home))
        producer.offer(50)
        try await turnUntilSettled([producer])
        #expect(disk.show(at: home) && disk.setReadOnly(true, at: home))
        producer.offer(2000)
        try await turn([producer], until: "an open breaker") {
          siege.look()
          return try await hasOpened(daemon) && says("Read-only file system", daemon)
        }
      }
      #expect(disk.setReadOnly(false, at: home))
      try await turnUntilSettled([producer])
      #expect(producer.connects == 1 && producer.errors.isEmpty)
      #expect(try await daemon.stop() == 0)
      // Each message in one of the files.
      var numbers = try JournalContents(journal).numbers["p"] ?? []
      #expect(disk.hide(at: home))
      numbers += try JournalContents(journal).numbers["p"] ?? []
      #expect(numbers.count == Int(producer.highest) && Set(numbers) == Set(1...producer.highest))
    }

    @Test func aReadOnlyDiskIsRefusedAtTheStart() async throws {
      let disk = try #require(SmallDisk(in: place, bytes: 1 << 20))
      defer { disk.detach() }
      #expect(disk.makeReadOnly())
      let daemon = try DaemonProcess(in: place, ["--upstream", "journal:\(disk.file("j.db"))"])
      #expect(try await daemon.program.end().status == 1)
      #expect(daemon.errors.contains(disk.path), "\(daemon.errors)")
    }
  }
}
