import Testing

@testable import forebay_bench

struct AxisTests {
  @Test(arguments: [0.013, 0.9, 1, 7, 42, 99.9, 100, 5_733, 123_456])
  func marksReachTheTop(top: Double) throws {
    let marks = Axis.marks(upTo: top)
    let last = try #require(marks.last)
    #expect(marks.first == 0)
    #expect(last >= top && last <= top * 2, "\(marks)")
    #expect((3...7).contains(marks.count), "\(marks)")
  }

  @Test func hasMarksForNothing() {
    #expect(Axis.marks(upTo: 0) == [0, 1])
    #expect(Axis.marks(upTo: .nan) == [0, 1])
  }

  @Test func countsInTens() {
    #expect(Axis.decades(from: 10, to: 10_000) == [10, 100, 1_000, 10_000])
    #expect(Axis.decades(from: 16, to: 16_000) == [10, 100, 1_000, 10_000, 100_000])
    #expect(Axis.decades(from: 1, to: 1) == [1, 10])
    #expect(Axis.decades(from: 0, to: 5) == [1, 10])
  }

  @Test func saysMarksShortly() {
    #expect(
      [0, 0.05, 0.5, 1, 7.5, 50, 5000, 20_000, 1_500_000].map(Axis.label)
        == ["0", "0.05", "0.5", "1", "7.5", "50", "5000", "20k", "1.5M"])
  }

  @Test func saysFiguresWithThreeDigits() {
    #expect([1.234, 36.72, 412.8].map(Axis.figure) == ["1.23", "36.7", "413"])
  }
}
