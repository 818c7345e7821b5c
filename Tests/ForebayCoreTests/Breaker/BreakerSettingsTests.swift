import ForebayCore
import Testing

@Suite struct BreakerSettingsTests {
  @Test func theDefaultsAreValid() {
    #expect(BreakerSettings().validate().isEmpty)
  }

  @Test func theClassicFixedTimeoutIsValid() {
    var settings = BreakerSettings()
    settings.baseWait = .seconds(60)
    settings.maximumWait = .seconds(60)
    #expect(settings.validate().isEmpty)
  }

  @Test(
    arguments: [
      .init("consecutiveFailures") { $0.consecutiveFailures = 0 },
      .init("failureRatePercent") { $0.failureRatePercent = 0 },
      .init("failureRatePercent") { $0.failureRatePercent = 101 },
      .init("slowRatePercent") { $0.slowRatePercent = 0 },
      .init("slowThreshold") { $0.slowThreshold = .zero },
      .init("window") { $0.window = .milliseconds(9) },
      .init("window") { $0.window = .seconds(3_601) },
      .init("minimumSamples") { $0.minimumSamples = 0 },
      .init("baseWait") { $0.baseWait = .zero },
      .init("maximumWait") { $0.maximumWait = .milliseconds(999) },
      .init("maximumWait") { $0.maximumWait = .seconds(86_401) },
      .init("jitterPercent") { $0.jitterPercent = 101 },
      .init("retryAfterMaximum") { $0.retryAfterMaximum = .seconds(86_401) },
      .init("healthyInterval") { $0.healthyInterval = .zero },
      .init("minimumHalfOpen") { $0.minimumHalfOpen = .seconds(61) },
      .init("maximumHalfOpen") { $0.maximumHalfOpen = .seconds(86_401) },
      .init("quotaPercent") { $0.quotaPercent = 0 },
      .init("quotaPercent") { $0.quotaPercent = 6 },
      .init("probeDeadline") { $0.probeDeadline = .zero },
      .init("probeDeadline") { $0.probeDeadline = .seconds(61) },
      .init("probeDeadline") { $0.slowThreshold = .seconds(6) },
    ] as [SpoiledSetting<BreakerSettings>])
  func eachRuleIsChecked(spoiled: SpoiledSetting<BreakerSettings>) {
    var settings = BreakerSettings()
    spoiled.spoil(&settings)
    #expect(settings.validate().map(\.setting) == [spoiled.name], "\(settings.validate())")
  }

  /// maximumHalfOpen / 2N ≥ 500 ms: twice the probes needed must fit in.
  @Test(arguments: [(5, 5_000, true), (5, 4_999, false), (60, 60_000, true), (61, 60_000, false)])
  func twiceTheProbesNeededMustFit(successes: UInt32, milliseconds: UInt64, isFine: Bool) {
    var settings = BreakerSettings()
    settings.successesToClose = successes
    settings.maximumHalfOpen = .milliseconds(milliseconds)
    settings.minimumHalfOpen = .zero
    settings.probeDeadline = .seconds(1)
    #expect(settings.validate().map(\.setting) == (isFine ? [] : ["maximumHalfOpen"]))
  }

  @Test func allProblemsAreNamedAtOnce() {
    var settings = BreakerSettings()
    settings.consecutiveFailures = 0
    settings.successesToClose = 0
    settings.quotaPercent = 50
    let problems = settings.validate()
    #expect(problems.map(\.setting) == ["consecutiveFailures", "successesToClose", "quotaPercent"])
    #expect(problems.last?.description == "quotaPercent must be 1 to 5")
  }
}
