import Testing

@testable import forebay_bench

struct ChartTests {
  private let series = [
    ChartSeries(name: "a", colour: "grey"), ChartSeries(name: "b", colour: "blue"),
  ]

  private func value(_ median: Double) -> MedianInterval {
    MedianInterval(median: median, low: median * 0.9, high: median * 1.1)
  }

  private var bars: BarChart {
    BarChart(
      title: "T", description: "D", measure: "ns", across: "clients", series: series,
      panels: [
        BarChart.Panel(
          title: "P",
          groups: [
            BarChart.Group(
              label: "8",
              bars: [
                BarChart.Bar(series: series[0], value: value(40)),
                BarChart.Bar(series: series[1], value: value(80)),
              ])
          ])
      ], footnote: "F")
  }

  /// The values of `name` in all elements that have the class `colour`.
  private func values(_ name: String, ofClass colour: String, in text: String) -> [Double] {
    text.split(separator: "\n").filter { $0.contains("class=\"\(colour)\"") }.compactMap { line in
      line.firstRange(of: " \(name)=\"").flatMap { range in
        Double(line[range.upperBound...].prefix { $0 != "\"" })
      }
    }
  }

  @Test func barsAreAsHighAsTheirValues() throws {
    let text = bars.svg.text
    let grey = try #require(values("height", ofClass: "grey", in: text).last)
    let blue = try #require(values("height", ofClass: "blue", in: text).last)
    #expect(abs(blue / grey - 2) < 0.01)
  }

  @Test func leavesOutWhatWasNotMeasured() {
    var bars = bars
    bars.panels[0].groups[0].bars[1].value = bootstrapMedian([])
    let text = bars.svg.text
    #expect(!text.contains("nan") && !text.contains("null"))
    // The legend's square alone.
    #expect(values("height", ofClass: "blue", in: text) == [12])
  }

  @Test func linesGoWhereTheirValuesAre() {
    let panel = LineChart.Panel(
      title: "P", across: "x", up: "y",
      lines: [[10, 100, 1000].map { LineChart.Point(x: $0, y: value(50)) }])
    let frame = LineFrame(left: 0, top: 0, panel: panel)
    #expect(frame.x(10) == 0)
    #expect(frame.x(1000) == LineChart.plotWidth)
    #expect(abs(frame.x(100) - LineChart.plotWidth / 2) < 0.001)
    #expect(frame.y(0) == LineChart.plotHeight)
    #expect(frame.y(60) == 0)
  }

  @Test func inPowersOfTenProportionIsAStraightLine() {
    let panel = LineChart.Panel(
      title: "P", across: "x", up: "y", isLogarithmic: true,
      lines: [[10, 100, 1000].map { LineChart.Point(x: $0, y: value($0)) }])
    let frame = LineFrame(left: 0, top: 0, panel: panel)
    let heights = [10, 100, 1000].map(frame.y)
    #expect(abs((heights[0] - heights[1]) - (heights[1] - heights[2])) < 0.001)
  }

  @Test func isAWholePictureInBothShades() {
    let charts = [
      bars.svg.text,
      LineChart(
        title: "T", description: "D", series: series,
        panels: [
          LineChart.Panel(
            title: "P", across: "x", up: "y",
            lines: [[LineChart.Point(x: 1, y: value(1)), LineChart.Point(x: 10, y: value(2))], []])
        ], footnote: "F"
      ).svg.text,
    ]
    for text in charts {
      #expect(text.hasPrefix("<svg ") && text.hasSuffix("</svg>"))
      #expect(text.contains("prefers-color-scheme: dark"))
      #expect(text.count(of: "<text ") == text.count(of: "</text>"))
      for colour in SVG.palette { #expect(text.contains(".\(colour.name){fill:\(colour.dark)}")) }
    }
  }

  @Test func escapesWords() {
    var svg = SVG(width: 10, height: 10, title: "a<b", description: "c&d")
    svg.label("x\">", x: 1, y: 2)
    #expect(svg.text.contains(">a&lt;b</title>"))
    #expect(svg.text.contains(">c&amp;d</desc>"))
    #expect(svg.text.contains(">x&quot;&gt;</text>"))
  }
}

extension String {
  fileprivate func count(of part: String) -> Int { ranges(of: part).count }
}
