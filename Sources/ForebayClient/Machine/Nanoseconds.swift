/// A point or a length of monotonic time. The machine reads no clock: every call brings its time.
package typealias Nanoseconds = UInt64

extension Nanoseconds {
  package static func milliseconds(_ count: UInt64) -> Nanoseconds {
    let (product, overflow) = count.multipliedReportingOverflow(by: 1_000_000)
    return overflow ? .max : product
  }

  /// The point `span` later; the end of time where that is beyond it.
  func after(_ span: Nanoseconds) -> Nanoseconds {
    let (sum, overflow) = addingReportingOverflow(span)
    return overflow ? .max : sum
  }

  /// The length since `earlier`, never negative: two processors' clocks may differ.
  func since(_ earlier: Nanoseconds) -> Nanoseconds {
    self > earlier ? self - earlier : 0
  }
}
