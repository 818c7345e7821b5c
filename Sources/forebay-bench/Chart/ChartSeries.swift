/// What a chart's bars or lines of one colour stand for.
struct ChartSeries: Equatable, Sendable {
  let name: String
  let colour: String

  /// Names and colours of all series in a line.
  static func drawLegend(
    _ series: [ChartSeries], x: Double, y: Double, on svg: inout SVG
  ) {
    var x = x
    for entry in series {
      svg.rect(x: x, y: y - 10, width: 12, height: 12, entry.colour, radius: 2)
      svg.label(entry.name, x: x + 17, y: y)
      x += 17 + Double(entry.name.count) * 7.2 + 22
    }
  }
}
