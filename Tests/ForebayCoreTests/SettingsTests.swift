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
    let (change, text) = Self.spoilt[index]
    var settings = Self.good
    change(&settings)
    let problems = settings.problems()
    #expect(problems.count == 1 && problems[0].contains(text), "\(problems) for \(text)")
  }

  private static let spoilt: [(@Sendable (inout Settings) -> Void, String)] = [
    ({ $0.routes = [] }, "no route"),
    ({ $0.classes = [] }, "no class"),
    ({ $0.routes.append(RouteSettings(name: "main")) }, "same name: main"),
    ({ $0.classes.append(ClassSettings(name: "default")) }, "same name: default"),
    ({ $0.routes[0].bufferBytes = 1 << 20 }, "can't serve two clients"),
    ({ $0.routes[0].bufferMessages = 1 }, "give it 2"),
    ({ $0.routes[0].windowMessagesMax = 0 }, "window"),
    ({ $0.routes[0].upstream.inFlightMessagesMax = 0 }, "in flight"),
    ({ $0.routes[0].laneWeights = [1, 2, 3] }, "8 lane weights"),
    ({ $0.routes[0].laneWeights[7] = 0 }, "1 to 1000"),
    ({ $0.routes[0].laneWeights[0] = 1001 }, "1 to 1000"),
    ({ $0.classes[0].weight = 0 }, "class default: the weight"),
    ({ $0.classes[0].poolShare = 0 }, "class default: the pool share"),
    ({ $0.classes[0].lanes = 0 }, "lane"),
    ({ $0.classes[0].routes = [] }, "at least one route"),
    ({ $0.classes[0].routes = ["main", "none"] }, "there is no route none"),
    ({ $0.limits.frameBytesMax = 23 }, "maximum frame"),
    ({ $0.limits.overheadBytes = -1 }, "overhead"),
    ({ $0.limits.nurserySegments = 3 }, "nursery"),
    ({ $0.limits.connectionsMax = 0 }, "connection"),
    ({ $0.limits.sessionsPerPrincipalMax = 0 }, "session"),
    ({ $0.limits.controlFramesPerSecond = 0 }, "control frames"),
    ({ $0.limits.slowReaderTimeout = .zero }, "slow reader"),
  ]
}
