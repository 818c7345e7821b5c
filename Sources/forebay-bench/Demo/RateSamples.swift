import ForebayCore

/// Counters of about the last second, for what happens a second.
struct RateSamples: Equatable, Sendable {
  struct Sample: Equatable, Sendable {
    var at: Instant
    var offered: UInt64
    var admitted: UInt64
    var delivered: UInt64
    /// By producer: for how long it has waited in all.
    var blocked: [TimeSpan]
  }

  private static let span = TimeSpan.seconds(1)
  private var samples: [Sample] = []

  mutating func add(_ sample: Sample) {
    samples.append(sample)
    while samples.count > 2, sample.at.since(samples[1].at) >= Self.span { samples.removeFirst() }
  }

  private var ends: (first: Sample, last: Sample, span: Double)? {
    guard let first = samples.first, let last = samples.last, last.at > first.at else { return nil }
    return (first, last, Double(last.at.since(first.at).nanoseconds) / 1e9)
  }

  func perSecond(_ counter: (Sample) -> UInt64) -> Double {
    guard let (first, last, span) = ends else { return 0 }
    let (before, after) = (counter(first), counter(last))
    return Double(after - min(after, before)) / span
  }

  /// How much of the time a producer has waited: 0 to 1.
  func share(ofBlocked producer: Int) -> Double {
    guard let (first, last, span) = ends, first.blocked.indices.contains(producer),
      last.blocked.indices.contains(producer)
    else { return 0 }
    let (before, after) = (first.blocked[producer], last.blocked[producer])
    return min(1, Double(after.nanoseconds - min(after, before).nanoseconds) / 1e9 / span)
  }
}
