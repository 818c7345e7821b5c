import ForebayCore
import ForebayWire
import Testing

@testable import forebay_bench

@Suite struct TokenBucketTests {
  @Test func keepsTheRate() {
    var now = Instant(nanoseconds: 0)
    var bucket = TokenBucket(perSecond: 10_000, now: now)
    var taken = 0
    for _ in 0..<1_000 {
      now = now + .milliseconds(1)
      taken += bucket.take(upTo: 1_000, now: now)
    }
    #expect((9_999...10_000).contains(taken))
  }

  @Test func savesLittleUp() {
    var bucket = TokenBucket(perSecond: 10_000, now: Instant(nanoseconds: 0))
    #expect(bucket.take(upTo: 100_000, now: Instant(nanoseconds: 60_000_000_000)) == 100)
  }
}

@Suite struct LoadScheduleTests {
  @Test(arguments: [1, 3, 8], [7.0, 1_000, 123_457])
  func agreesWithItself(clients: Int, rate: Double) {
    let start = Instant(nanoseconds: 5_000)
    let schedule = LoadSchedule(start: start, clients: clients, perSecond: rate)
    for client in 0..<clients {
      for sequence in [1, 2, 17, 400] as [UInt64] {
        let due = schedule.instant(of: sequence, client: client)
        // A nanosecond each way, since an interval isn't a whole number of them.
        #expect(schedule.due(client: client, now: due + .nanoseconds(1)) >= sequence)
        #expect(
          schedule.due(client: client, now: Instant(nanoseconds: due.nanoseconds - 1)) < sequence)
      }
    }
  }
}

@Suite struct IntervalsTests {
  @Test func findsMedians() {
    #expect(median([3, 1, 2]) == 2)
    #expect(median([4, 1, 2, 3]) == 2.5)
    #expect(median([]).isNaN)
  }

  @Test func isTheSameEveryTime() {
    let values = (0..<20).map { 1 + Double($0 % 7) / 10 }
    #expect(bootstrapMedian(values) == bootstrapMedian(values))
  }

  @Test func coversTheTrueMedianAsOftenAsItSays() {
    var random = SplitMix64(seed: 7)
    var covered = 0
    for seed in 0..<200 as Range<UInt64> {
      let values = (0..<20).map { _ in Double.random(in: 0..<1, using: &random) }
      let interval = bootstrapMedian(values, resamples: 400, seed: seed)
      if interval.low <= 0.5, interval.high >= 0.5 { covered += 1 }
    }
    #expect(covered >= 180)
  }
}

@Suite struct QuantitiesTests {
  @Test(arguments: [
    ("3s", UInt64(3_000_000_000)), ("20ms", 20_000_000), ("1500us", 1_500_000), ("7ns", 7),
    ("2m", 120_000_000_000), ("0.5", 500_000_000),
  ])
  func readsTimes(text: String, nanoseconds: UInt64) {
    #expect(TimeArgument(argument: text)?.span == .nanoseconds(nanoseconds))
  }

  @Test(arguments: ["", "s", "-1s", "1h", "ms"])
  func refusesTimes(text: String) { #expect(TimeArgument(argument: text) == nil) }

  @Test func readsSizes() {
    #expect(PayloadSizes(argument: "128") == .fixed(128))
    #expect(PayloadSizes(argument: "0..4096") == .mix(0, 4096))
    #expect(PayloadSizes(argument: "10..max") == .mix(10, nil))
    #expect(PayloadSizes(argument: "9..3") == nil)
    #expect(PayloadSizes(argument: "-1") == nil)
  }

  @Test func readsEndpoints() {
    #expect(Endpoint(argument: "a/b.sock") == .unix("a/b.sock"))
    #expect(Endpoint(argument: "unix:/x") == .unix("/x"))
    #expect(Endpoint(argument: "tcp:127.0.0.1:80") == .tcp(host: "127.0.0.1", port: 80))
    #expect(Endpoint(argument: "tcp:[::1]:80") == .tcp(host: "::1", port: 80))
    #expect(Endpoint(argument: "tcp:80") == nil)
  }
}

@Suite struct JSONTextTests {
  @Test func escapesAndRounds() {
    var object = JSONObject()
    object.set("a\"b", "line\n\u{1}")
    object.set("n", -1.2345, places: 2)
    object.set("inf", Double.infinity)
    object.set("z", -0.001, places: 1)
    #expect(object.text == #"{"a\"b":"line\n\u0001","n":-1.23,"inf":null,"z":0.0}"#)
  }
}

@Suite struct FrameCycleTests {
  @Test(arguments: [PayloadSizes.fixed(0), .fixed(128), .mix(0, 5_000), .mix(0, nil)])
  func stampsWhatTheScannerAccepts(sizes: PayloadSizes) {
    let frameBytesMax = 100_000
    let cycle = FrameCycle(
      sizes: sizes, frameBytesMax: frameBytesMax, level: .default, ttlMilliseconds: 0)
    let scanner = RunScanner(frameBytesMax: frameBytesMax, overhead: 10)
    var next: UInt64 = 1
    while next < 2_000 {
      let chunk = cycle.stamp(from: next, countMax: 100, costMax: .max, overhead: 10)
      #expect(chunk.count > 0)
      var offset = 0
      let end = next + UInt64(chunk.count)
      while case .run(let run) = scanner.next(
        chunk.bytes, from: offset, within: .init(lastSequence: next - 1, isExact: true))
      {
        offset = run.offset + run.byteCount
        next += UInt64(run.count)
      }
      #expect(next == end)
      #expect(offset == chunk.bytes.count)
    }
  }

  @Test func keepsToTheCost() {
    let cycle = FrameCycle(
      sizes: .fixed(100), frameBytesMax: 1_000, level: .default, ttlMilliseconds: 0)
    #expect(cycle.stamp(from: 1, countMax: 9, costMax: 133, overhead: 10).count == 0)
    #expect(cycle.stamp(from: 1, countMax: 9, costMax: 134, overhead: 10).count == 1)
    #expect(cycle.stamp(from: 1, countMax: 9, costMax: 400, overhead: 10).count == 2)
  }

  @Test func reachesBothBounds() {
    let cycle = FrameCycle(
      sizes: .mix(0, nil), frameBytesMax: 262_144, level: .default, ttlMilliseconds: 0)
    let sizes = (1...256).map { cycle.frameBytes(of: $0) }
    #expect(sizes.min() == 24)
    #expect(sizes.max() == 262_144)
  }
}
