import ForebayCore

/// The middle of `values`, the mean of the two middle ones for an even number; NaN for none.
func median(_ values: [Double]) -> Double {
  guard !values.isEmpty else { return .nan }
  let sorted = values.sorted()
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// A median and the range in which it lies with 95 % confidence.
struct MedianInterval: Equatable, Sendable {
  var median: Double
  var low: Double
  var high: Double

  /// `1.42 (1.40–1.45)`
  func text(places: Int) -> String {
    guard median.isFinite else { return "–" }
    return decimal(median, places: places) + " (" + decimal(low, places: places) + "–"
      + decimal(high, places: places) + ")"
  }

  var json: JSONObject {
    var result = JSONObject()
    result.set("median", median, places: 4)
    result.set("low95", low, places: 4)
    result.set("high95", high, places: 4)
    return result
  }
}

/// The percentile bootstrap: `values` are drawn again and again, with replacement, and the medians
/// of the draws spread as the median itself would over repeated experiments.
///
/// The seed is fixed so that the same measurements always give the same interval.
/// Source: Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7, 1979.
func bootstrapMedian(
  _ values: [Double], resamples: Int = 10_000, seed: UInt64 = 20_260_101
) -> MedianInterval {
  guard values.count > 1 else {
    return MedianInterval(median: median(values), low: median(values), high: median(values))
  }
  var generator = SplitMix64(seed: seed)
  var draw = values
  var medians: [Double] = []
  medians.reserveCapacity(resamples)
  for _ in 0..<resamples {
    for index in draw.indices {
      draw[index] = values[Int.random(in: values.indices, using: &generator)]
    }
    medians.append(median(draw))
  }
  medians.sort()
  let tail = resamples / 40
  return MedianInterval(
    median: median(values), low: medians[tail], high: medians[resamples - 1 - tail])
}
