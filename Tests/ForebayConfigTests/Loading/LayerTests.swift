import ForebayCore
import Testing

@testable import ForebayConfig

/// Which of several says what a setting is.
struct LayerTests {
  @Test func nothingAtAllIsTheDefaults() throws {
    let configuration = try loaded()
    #expect(configuration.settings == DaemonSettings())
    #expect(configuration.rows.allSatisfy { !$0.isChanged && $0.source == .standard })
    let core = configuration.settings.core
    #expect(core.routes == [RouteSettings(name: "default")])
    #expect(core.classes == [ClassSettings(name: "default")])
    #expect(core.limits == Limits())
  }

  @Test func optionsBeatVariablesBeatTheFile() throws {
    let yaml = "drain_timeout: 1s\nlog_level: error\nlimits:\n  heartbeat: 1s\n"
    let configuration = try loaded(
      yaml,
      variables: [("FOREBAY_DRAIN_TIMEOUT", "2s"), ("FOREBAY_LOG_LEVEL", "debug")],
      options: [("drain-timeout", "3s")])
    #expect(configuration.settings.drainTimeout == .seconds(3))
    #expect(configuration.source("drain_timeout") == .option("drain-timeout"))
    #expect(configuration.settings.logLevel == .debug)
    #expect(configuration.source("log_level") == .variable("FOREBAY_LOG_LEVEL"))
    #expect(configuration.settings.limits.heartbeat == .seconds(1))
    #expect(configuration.source("limits.heartbeat") == .file("f.yaml", line: 4))
  }

  @Test func anEmptyVariableIsNone() throws {
    #expect(try loaded(variables: [("FOREBAY_RATE", "")]).settings == DaemonSettings())
  }

  private static let routes = """
    routes:
      - name: a
        upstream: journal:/a
        buffer_messages: 50
      - name: b
        upstream: journal:/b

    """

  @Test func whatHoldsForRoutesHoldsForEach() throws {
    let configuration = try loaded(
      Self.routes, variables: [("FOREBAY_BUFFER_MESSAGES", "60")],
      options: [("rate", "50"), ("window-messages", "7")])
    for (index, route) in configuration.settings.core.routes.enumerated() {
      #expect(route.bufferMessages == 60 && route.windowMessagesMax == 7)
      #expect(route.rate == RateLimit(messages: 50, per: .seconds(1), burst: 5))
      #expect(configuration.source("routes[\(index)].rate") == .option("rate"))
    }
    #expect(configuration.settings.routes.map(\.settings.name) == ["a", "b"])
  }

  @Test func upstreamsChangeRoutesOrAddThem() throws {
    func addresses(_ configuration: Configuration) -> [String] {
      configuration.settings.routes.map { "\($0.settings.name)=\($0.address)" }
    }
    #expect(addresses(try loaded()) == ["default=journal:/var/lib/forebay/journal.db"])
    #expect(
      addresses(try loaded(options: [("upstream", "journal:/q=r:s")])) == ["default=journal:/q=r:s"]
    )
    let both = [("upstream", "a=journal:/x=y"), ("upstream", "b=forebay+unix:/p")]
    #expect(addresses(try loaded(options: both)) == ["a=journal:/x=y", "b=forebay+unix:/p"])
    let changed = try loaded(
      Self.routes, options: [("upstream", "b=forebay+unix:/p"), ("upstream", "c=journal:/c")])
    #expect(addresses(changed) == ["a=journal:/a", "b=forebay+unix:/p", "c=journal:/c"])
    #expect(changed.settings.routes[0].settings.bufferMessages == 50)
    #expect(changed.source("routes[0].upstream") == .file("f.yaml", line: 3))
    #expect(changed.source("routes[1].upstream") == .option("upstream"))
    let variable = ("FOREBAY_UPSTREAM", "a=journal:/a b=forebay+tcp:h:1")
    #expect(
      addresses(try loaded(variables: [variable])) == ["a=journal:/a", "b=forebay+tcp:h:1"])
    #expect(
      addresses(try loaded(variables: [variable], options: [("upstream", "journal:/z")]))
        == ["default=journal:/z"])
  }

  @Test func listsInVariablesHaveCommas() throws {
    let configuration = try loaded(variables: [("FOREBAY_ADMIN_OPERATE_UIDS", "1000, 1001")])
    #expect(configuration.settings.admin.operate.users == [1000, 1001])
  }

  @Test func whatLooksMistypedIsNoticed() throws {
    let configuration = try loaded(variables: [
      ("FOREBAY_BUFFER_BYTE", "1"), ("FOREBAY_SERVICE_HOST", "10.0.0.1"), ("FOREBAY_CONFIG", "x"),
      ("FOREBAY_RATE", "5"),
    ])
    #expect(
      configuration.notices == [
        "'FOREBAY_BUFFER_BYTE' is no setting; did you mean 'FOREBAY_BUFFER_BYTES'?"
      ])
  }

  @Test func ratesAreWrittenInSeveralWays() throws {
    func limit(_ text: String) throws -> RateLimit? {
      try loaded(options: [("rate", text)]).settings.core.routes[0].rate
    }
    #expect(try limit("0") == nil)
    #expect(try limit("none") == nil)
    #expect(try limit("10000/s") == RateLimit(messages: 10_000, per: .seconds(1), burst: 1000))
    #expect(try limit("6000/m") == RateLimit(messages: 6000, per: .seconds(60), burst: 10))
    #expect(try limit("3/h") == RateLimit(messages: 3, per: .seconds(3600), burst: 1))
    let own = try loaded(variables: [("FOREBAY_BURST", "4")], options: [("rate", "9")])
    #expect(own.settings.core.routes[0].rate?.burst == 4)
  }
}
