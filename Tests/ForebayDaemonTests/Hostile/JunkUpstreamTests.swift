import ForebayWire
import Glibc
import Testing

extension HostileTests {
  /// An upstream that answers nonsense, or nothing: it harms its own route, and only for as long.
  struct JunkUpstreamTests {
    private let place = Workplace()

    private struct Junk {
      let name: String
      /// What the log says of it.
      let told: String
      var greeting: [UInt8] = []
      var refrain: [UInt8] = []
      var hangsUp = false
    }

    private static let welcome = Welcome(
      frameBytesMax: 262_144, overhead: 320, heartbeatMilliseconds: 0, ranges: 0, known: 0,
      isResumed: false
    ).encoded()
    private static let window = Window(limitBytes: 1 << 40, limitMessages: 1 << 40).encoded()

    private static func receipts(_ outcome: Outcome) -> [UInt8] {
      // Of messages that it can't have got.
      rawFrame(
        type: 0x83,
        body: [UInt8](repeating: 0, count: 5) + [0x7f, 0, 0] + [0, 0, 1, 0]
          + [outcome.rawValue, 0, 0, 0])
    }

    private static let junk: [Junk] = [
      Junk(
        name: "HTTP", told: "FRAME_TOO_LARGE",
        greeting: Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8)),
      Junk(name: "zeros", told: "FRAME_TOO_SHORT", greeting: [UInt8](repeating: 0, count: 4096)),
      Junk(name: "a length of 4 GiB", told: "FRAME_TOO_LARGE", greeting: [255, 255, 255, 255]),
      Junk(
        name: "a type that there isn't", told: "UNKNOWN_FRAME_TYPE",
        greeting: rawFrame(type: 0x99, body: [])),
      Junk(
        name: "a client's HELLO", told: "WRONG_DIRECTION",
        greeting: Hello(session: .drawn()).encoded()),
      Junk(name: "WINDOW before WELCOME", told: "BAD_FIELD", greeting: window),
      Junk(name: "WELCOME again", told: "BAD_FIELD", greeting: welcome + welcome),
      Junk(
        name: "ERROR", told: "the peer ended it: NOT_PERMITTED",
        greeting: ErrorFrame(.notPermitted).encoded()),
      Junk(
        name: "half a WELCOME", told: "the peer closed the connection",
        greeting: Array(welcome.prefix(20)), hangsUp: true),
      Junk(name: "nothing at all", told: "no answer in time"),
      Junk(
        name: "credit, and never a receipt", told: "no answer in time", greeting: welcome + window),
      Junk(
        name: "receipts for nothing without end", told: "no answer in time",
        greeting: welcome + window,
        refrain: (0..<500).flatMap { _ in receipts(.delivered) + receipts(.rejected) }),
    ]

    private static let variables = [
      "FOREBAY_BREAKER_BASE_WAIT=50ms", "FOREBAY_BREAKER_MAXIMUM_WAIT=100ms",
      "FOREBAY_BREAKER_MINIMUM_HALF_OPEN=0s", "FOREBAY_BREAKER_PROBE_DEADLINE=300ms",
    ]

    @Test(arguments: [false, true])
    func anUpstreamOfJunkHarmsItsOwnRouteOnly(overTCP: Bool) async throws {
      let port = try freePort()
      let path = place.file("peer.sock")
      let daemon = try await DaemonProcess.ready(
        in: place, prefix: DaemonProcess.with(Self.variables),
        [
          "--upstream",
          "junk=" + (overTCP ? "forebay+tcp:127.0.0.1:\(port)" : "forebay+unix:\(path)"),
          "--upstream", "good=journal:\(place.file("good.db"))", "--attempt-timeout", "300ms",
        ])
      var peer: JunkPeer? = try overTCP ? JunkPeer(port: port) : JunkPeer(path: path)
      let producer = Producer("p", to: daemon)
      producer.offer(300)
      try await turn([producer], until: "messages for the junk") {
        try await daemon.state().heldMessages == 300
      }
      let siege = try await Siege(daemon, route: "good", buffers: 128 << 20)
      // Over TCP it is the same code behind the bytes; some will do.
      for junk in overTCP ? Self.junk.suffix(4) : Self.junk[...] {
        let said = lines(of: junk, in: daemon)
        peer?.greeting = junk.greeting
        peer?.refrain = junk.refrain
        peer?.hangsUp = junk.hangsUp
        try await siege.attack("an upstream that says \(junk.name)") {
          try await turn([producer], until: junk.name) {
            peer?.turn()
            siege.look()
            return lines(of: junk, in: daemon) > said
          }
        }
      }
      let state = try await daemon.state()
      #expect(state.heldMessages == 300 && state.delivered == 0)
      #expect(overTCP || state.number("routes[0].breaker.openings") > 0)
      #expect(state.total("delivered", route: 1) > 0)

      // One that speaks Forebay takes its place.
      peer = nil
      unlink(path)
      let second = try await DaemonProcess.ready(
        in: place, name: "second",
        overTCP ? ["--peer-listen", "127.0.0.1:\(port)"] : ["--socket", path])
      try await turnUntilSettled([producer])
      #expect(producer.connects == 1 && producer.errors.isEmpty)
      #expect(try await daemon.stop() == 0)
      #expect(try await second.stop() == 0)
      try JournalContents(second.journal).expectExactly([producer])
    }

    /// How often the log has said it, those lines included that it left out.
    private func lines(of junk: Junk, in daemon: DaemonProcess) -> Int {
      daemon.logLines.count {
        ($0.contains("link closed") || $0.contains("peer broke the protocol"))
          && $0.contains(junk.told)
      }
    }
  }
}
