/// Groups of bars, one bar a series, with the interval of each as a whisker.
struct BarChart: Sendable {
  struct Bar: Equatable, Sendable {
    var series: ChartSeries
    var value: MedianInterval
  }

  struct Group: Equatable, Sendable {
    var label: String
    var bars: [Bar]
  }

  struct Panel: Equatable, Sendable {
    var title: String
    var groups: [Group]
  }

  var title: String
  var description: String
  /// What the height of a bar says, with its unit.
  var measure: String
  /// What the groups of a panel differ in.
  var across: String
  var series: [ChartSeries]
  var panels: [Panel]
  var footnote: String

  private static let width = 900.0
  private static let left = 66.0
  private static let plotWidth = width - left - 20
  private static let plotHeight = 190.0
  private static let panelStep = plotHeight + 66
  private static let top = 92.0

  var svg: SVG {
    let height = Self.top + Double(panels.count) * Self.panelStep + 8
    var svg = SVG(width: Self.width, height: height, title: title, description: description)
    svg.label(title, x: 20, y: 28, size: 16, isBold: true)
    ChartSeries.drawLegend(series, x: 20, y: 52, on: &svg)
    for (index, panel) in panels.enumerated() {
      draw(panel, top: Self.top + Double(index) * Self.panelStep, on: &svg)
    }
    svg.label(footnote, x: 20, y: height - 12, .start, "soft", size: 11)
    return svg
  }

  private func draw(_ panel: Panel, top: Double, on svg: inout SVG) {
    let highest = panel.groups.flatMap(\.bars).map(\.value.high).filter(\.isFinite).max() ?? 1
    let marks = Axis.marks(upTo: highest * 1.08)
    let scale = Self.plotHeight / (marks.last ?? 1)
    let bottom = top + Self.plotHeight
    svg.label(panel.title, x: Self.left, y: top - 10, isBold: true)
    svg.label(
      measure, x: 18, y: top + Self.plotHeight / 2, .middle, "soft", size: 11, isUpright: true)
    for mark in marks {
      let y = bottom - mark * scale
      svg.path([(Self.left, y), (Self.left + Self.plotWidth, y)], mark == 0 ? "soft" : "grid")
      svg.label(Axis.label(mark), x: Self.left - 8, y: y + 4, .end, "soft", size: 11)
    }
    let slot = Self.plotWidth / Double(max(1, panel.groups.count))
    for (index, group) in panel.groups.enumerated() {
      let middle = Self.left + (Double(index) + 0.5) * slot
      draw(group, middle: middle, slot: slot, bottom: bottom, scale: scale, on: &svg)
      svg.label(group.label, x: middle, y: bottom + 18, .middle)
    }
    svg.label(across, x: Self.left + Self.plotWidth / 2, y: bottom + 34, .middle, "soft", size: 11)
  }

  private func draw(
    _ group: Group, middle: Double, slot: Double, bottom: Double, scale: Double, on svg: inout SVG
  ) {
    let step = min(52, slot * 0.86 / Double(max(1, group.bars.count)))
    let first = middle - step * Double(group.bars.count) / 2
    for (index, bar) in group.bars.enumerated() where bar.value.median.isFinite {
      let x = first + Double(index) * step
      let y = bottom - bar.value.median * scale
      svg.rect(x: x + 3, y: y, width: step - 6, height: bottom - y, bar.series.colour, radius: 2)
      let centre = x + step / 2
      let (low, high) = (bottom - bar.value.low * scale, bottom - bar.value.high * scale)
      svg.path([(centre, low), (centre, high)], "ink")
      for end in [low, high] { svg.path([(centre - 4, end), (centre + 4, end)], "ink") }
      svg.label(
        Axis.figure(bar.value.median), x: centre, y: min(y, high) - 5, .middle, "ink", size: 10)
    }
  }
}
