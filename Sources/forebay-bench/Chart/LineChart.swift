import Glibc

/// Lines over a scale of powers of ten, two panels in a row.
struct LineChart: Sendable {
  struct Point: Equatable, Sendable {
    var x: Double
    var y: MedianInterval
  }

  struct Panel: Equatable, Sendable {
    var title: String
    /// What the axes say, with their units.
    var across: String
    var up: String
    /// Both axes count in powers of ten: what grows in proportion is a straight line upwards.
    var isLogarithmic = false
    /// One for each of the chart's series; an empty one isn't drawn.
    var lines: [[Point]]
  }

  var title: String
  var description: String
  var series: [ChartSeries]
  var panels: [Panel]
  var footnote: String

  static let plotWidth = 350.0
  static let plotHeight = 200.0
  private static let width = 900.0
  private static let columns = 2
  private static let rowHeight = plotHeight + 84
  private static let top = 100.0

  var svg: SVG {
    let rows = (panels.count + Self.columns - 1) / Self.columns
    let height = Self.top + Double(rows) * Self.rowHeight + 4
    var svg = SVG(width: Self.width, height: height, title: title, description: description)
    svg.label(title, x: 20, y: 28, size: 16, isBold: true)
    ChartSeries.drawLegend(series, x: 20, y: 52, on: &svg)
    for (index, panel) in panels.enumerated() {
      let frame = LineFrame(
        left: 76 + Double(index % Self.columns) * (Self.width / 2 - 6),
        top: Self.top + Double(index / Self.columns) * Self.rowHeight, panel: panel)
      draw(panel, frame, on: &svg)
    }
    svg.label(footnote, x: 20, y: height - 12, .start, "soft", size: 11)
    return svg
  }

  private func draw(_ panel: Panel, _ frame: LineFrame, on svg: inout SVG) {
    svg.label(panel.title, x: frame.left, y: frame.top - 14, isBold: true)
    svg.label(
      panel.up, x: frame.left - 50, y: frame.top + Self.plotHeight / 2, .middle, "soft", size: 11,
      isUpright: true)
    svg.label(
      panel.across, x: frame.left + Self.plotWidth / 2, y: frame.bottom + 36, .middle, "soft",
      size: 11)
    for mark in frame.upMarks {
      let y = frame.y(mark)
      svg.path(
        [(frame.left, y), (frame.left + Self.plotWidth, y)],
        mark == frame.upMarks[0] ? "soft" : "grid")
      svg.label(Axis.label(mark), x: frame.left - 8, y: y + 4, .end, "soft", size: 11)
    }
    for mark in frame.acrossMarks {
      let x = frame.x(mark)
      svg.path([(x, frame.bottom), (x, frame.bottom + 4)], "soft")
      svg.label(Axis.label(mark), x: x, y: frame.bottom + 18, .middle, "soft", size: 11)
    }
    for (index, points) in panel.lines.enumerated() {
      draw(
        points.filter { $0.y.median.isFinite }, series[index].colour, frame, isBelow: index == 0,
        on: &svg)
    }
  }

  /// The first line's numbers stand below it, those of the others above.
  private func draw(
    _ points: [Point], _ colour: String, _ frame: LineFrame, isBelow: Bool, on svg: inout SVG
  ) {
    svg.path(points.map { (frame.x($0.x), frame.y($0.y.median)) }, colour, thickness: 2)
    for point in points {
      let x = frame.x(point.x)
      svg.path([(x, frame.y(point.y.low)), (x, frame.y(point.y.high))], "ink")
      svg.circle(x: x, y: frame.y(point.y.median), radius: 3.5, colour)
      svg.label(
        Axis.figure(point.y.median), x: x,
        y: isBelow ? frame.y(point.y.low) + 16 : frame.y(point.y.high) - 7, .middle, "ink", size: 10
      )
    }
  }
}

/// Where a panel's values lie.
struct LineFrame {
  let left: Double
  let top: Double
  let acrossMarks: [Double]
  let upMarks: [Double]
  private let isLogarithmic: Bool

  var bottom: Double { top + LineChart.plotHeight }

  init(left: Double, top: Double, panel: LineChart.Panel) {
    self.left = left
    self.top = top
    isLogarithmic = panel.isLogarithmic
    let points = panel.lines.flatMap { $0 }.filter { $0.y.median.isFinite }
    acrossMarks = Axis.decades(from: points.map(\.x).min() ?? 1, to: points.map(\.x).max() ?? 10)
    let high = points.map(\.y.high).max() ?? 1
    upMarks =
      isLogarithmic
      ? Axis.decades(from: points.map(\.y.low).min() ?? 1, to: high)
      : Axis.marks(upTo: high * 1.05)
  }

  func x(_ value: Double) -> Double {
    left + Self.share(log10(value), acrossMarks.map(log10)) * LineChart.plotWidth
  }

  func y(_ value: Double) -> Double {
    let share =
      isLogarithmic
      ? Self.share(log10(max(value, upMarks[0])), upMarks.map(log10))
      : Self.share(value, upMarks)
    return bottom - share * LineChart.plotHeight
  }

  private static func share(_ value: Double, _ marks: [Double]) -> Double {
    (value - marks[0]) / (marks[marks.count - 1] - marks[0])
  }
}
