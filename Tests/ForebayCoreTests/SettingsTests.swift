import ForebayWire
import Testing

@testable import ForebayCore

/// What can't work together is said before the core is built, and each thing once.
@Suite struct SettingsTests {
  private static let good = Settings(routes: [RouteSettings(name: "main")])

  @Test func theDefaultsWork() {
    #expect(Self.good.problems().isEmpty)
  }

  @Test(arguments: spoilt.indices) func eachMistakeIsNamed(_ index: Int) {
    let (change, setting, text) = Self.spoilt[index]
    var settings = Self.good
    change(&settings)
    let problems = settings.problems()
    #expect(
      problems.count == 1 && problems[0].setting == setting && problems[0].rule.contains(text),
      "\(problems) for \(setting): \(text)")
  }

  private static let spoilt: [(@Sendable (inout Settings) -> Void, String, String)] = [
    ({ $0.routes = [] }, "routes", "at least one"),
    ({ $0.classes = [] }, "classes", "at least one"),
    ({ $0.routes.append(RouteSettings(name: "main")) }, "routes[1].name", "'main'"),
    ({ $0.classes.append(ClassSettings(name: "default")) }, "classes[1].name", "'default'"),
    ({ $0.routes[0].bufferBytes = 1024 }, "routes[0].bufferBytes", "must be at least 1574272"),
    ({ $0.routes[0].bufferBytes = (1 << 40) + 1 }, "routes[0].bufferBytes", "at most"),
    ({ $0.routes[0].controlReserveBytes = .max }, "routes[0].controlReserveBytes", "at most"),
    ({ $0.routes[0].bufferMessages = 1 }, "routes[0].bufferMessages", "2 to"),
    ({ $0.routes[0].windowMessagesMax = 0 }, "routes[0].windowMessagesMax", "1 to"),
    ({ $0.routes[0].attemptTimeout = .zero }, "routes[0].attemptTimeout", "1 ms"),
    (
      { $0.routes[0].upstream.inFlightMessagesMax = 0 }, "routes[0].upstream.inFlightMessagesMax",
      "at least 1"
    ),
    ({ $0.routes[0].laneWeights = [1, 2, 3] }, "routes[0].laneWeights", "8 numbers"),
    ({ $0.routes[0].laneWeights[7] = 0 }, "routes[0].laneWeights", "1 to 1000"),
    ({ $0.routes[0].laneWeights[0] = 1001 }, "routes[0].laneWeights", "1 to 1000"),
    ({ $0.routes[0].breaker.baseWait = .zero }, "routes[0].breaker.baseWait", "1 ms"),
    ({ $0.routes[0].backoff.base = .zero }, "routes[0].backoff.base", "1 ms"),
    ({ $0.routes[0].retryBudget.percent = 1001 }, "routes[0].retryBudget.percent", "1000"),
    ({ $0.routes[0].recovery.startLimit = 0 }, "routes[0].recovery.startLimit", "1 to"),
    (
      { $0.routes[0].rate = RateLimit(messages: 0, per: .seconds(1), burst: 1) },
      "routes[0].rate.messages", "at least 1"
    ),
    ({ $0.classes[0].weight = 0 }, "classes[0].weight", "1 to 1000"),
    ({ $0.classes[0].poolShare = 0 }, "classes[0].poolShare", "1 to 1000"),
    ({ $0.classes[0].lanes = 0 }, "classes[0].lanes", "at least one"),
    ({ $0.classes[0].routes = [] }, "classes[0].routes", "at least one"),
    ({ $0.classes[0].routes = ["main", "gone"] }, "classes[0].routes", "'gone'"),
    ({ $0.limits.frameBytesMax = 23 }, "limits.frameBytesMax", "24 to 16777216"),
    ({ $0.limits.overheadBytes = -1 }, "limits.overheadBytes", "0 to 65536"),
    ({ $0.limits.nurserySegments = 3 }, "limits.nurserySegments", "4 to"),
    ({ $0.limits.connectionsMax = 0 }, "limits.connectionsMax", "1 connection"),
    ({ $0.limits.connectionsPerPrincipalMax = 0 }, "limits.connectionsPerPrincipalMax", "1"),
    (
      {
        $0.limits.connectionsPerPrincipalMax = 1
        $0.limits.sessionsPerPrincipalMax = 0
      }, "limits.sessionsPerPrincipalMax", "1 session"
    ),
    (
      { $0.limits.connectionsPerPrincipalMax = 2049 }, "limits.connectionsPerPrincipalMax",
      "at most sessionsPerPrincipalMax, 2048"
    ),
    ({ $0.limits.controlFramesBurst = 9 }, "limits.controlFramesBurst", "10 to"),
    ({ $0.limits.controlFramesPerSecond = 0 }, "limits.controlFramesPerSecond", "10 to"),
    ({ $0.limits.slowReaderTimeout = .zero }, "limits.slowReaderTimeout", "1 ms"),
  ]
}
