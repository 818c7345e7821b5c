import ForebayConfig
import ForebayCore
import Testing

struct DaemonOptionsTests {
  @Test func theDefaultsWork() throws {
    let settings = try DaemonOptions().settings()
    #expect(settings.problems() == [])
    #expect(settings.routes.map(\.address) == [.journal(path: "/var/lib/forebay/journal.db")])
    // What the options say by default is what the settings are by themselves.
    var bare = DaemonSettings(routes: settings.routes)
    bare.routes[0].settings = RouteSettings(name: "default")
    #expect(settings == bare)
  }

  @Test func eachOptionArrivesInItsSetting() throws {
    var options = DaemonOptions()
    options.socket = "/s"
    options.adminSocket = "/a"
    options.peerListen = "127.0.0.1:7420"
    options.upstreams = ["a=journal:/x=y", "b=forebay+unix:/p", "journal:/q=r:s"]
    options.bufferMessages = 77
    options.bufferBytes = "8MiB"
    options.windowMessages = 33
    options.frameBytes = "1KiB"
    options.rate = 50
    options.attemptTimeout = "7s"
    options.drainTimeout = "9s"
    options.connectionsMax = 5
    options.connectionsPerUserMax = 4
    options.logLevel = "debug"
    let settings = try options.settings()
    #expect(settings.problems() == [])
    #expect(settings.clientSocket == "/s" && settings.adminSocket == "/a")
    #expect(settings.peerListener == .init(host: "127.0.0.1", port: 7420))
    #expect(settings.routes.map(\.settings.name) == ["a", "b", "default"])
    #expect(
      settings.routes.map(\.address) == [
        .journal(path: "/x=y"), .peerUnix(path: "/p"), .journal(path: "/q=r:s"),
      ])
    for route in settings.routes.map(\.settings) {
      #expect(route.bufferMessages == 77 && route.bufferBytes == 8 << 20)
      #expect(route.windowMessagesMax == 33 && route.attemptTimeout == .seconds(7))
      #expect(route.rate == RateLimit(messages: 50, per: .seconds(1), burst: 5))
    }
    #expect(settings.limits.frameBytesMax == 1024)
    #expect(settings.limits.connectionsMax == 5 && settings.limits.connectionsPerPrincipalMax == 4)
    #expect(settings.drainTimeout == .seconds(9) && settings.logLevel == .debug)
  }

  @Test(arguments: ["", ":1", "localhost", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536"])
  func aPeerListenerIsAHostAndAPort(_ text: String) {
    var options = DaemonOptions()
    options.peerListen = text
    #expect(throws: DaemonOptions.Problem.self) { try options.settings() }
  }

  @Test(arguments: [
    ("127.0.0.1:0", true), ("127.9.9.9:1", true), ("[::1]:1", true), ("::1:1", true),
    ("localhost:1", false), ("0.0.0.0:1", false), ("10.0.0.1:1", false), ("[::]:1", false),
  ])
  func peersListenOnLoopbackOnly(_ text: String, _ isAllowed: Bool) throws {
    var options = DaemonOptions()
    options.peerListen = text
    #expect(try options.settings().problems().isEmpty == isAllowed)
  }

  @Test func theSameSocketTwiceIsAProblem() throws {
    var options = DaemonOptions()
    options.adminSocket = options.socket
    #expect(
      try options.settings().problems() == ["the client and the admin socket are the same path"])
  }
}
