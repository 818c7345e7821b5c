import Testing

@testable import forebay_bench

struct TableTests {
  private var table: Table {
    var table = Table(["proxy", "ns"], words: 1)
    table.add(["relay", "9.5"])
    table.add(["µ"])
    return table
  }

  @Test func linesUp() {
    #expect(table.text == "proxy   ns\nrelay  9.5\nµ")
  }

  @Test func isMarkdown() {
    #expect(table.markdown == "| proxy | ns |\n| --- | ---: |\n| relay | 9.5 |\n| µ |  |")
  }
}

struct MarkedSectionTests {
  private let document = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nz"

  @Test func replacesWhatIsBetweenTheMarks() {
    let once = MarkedSection.replace("x", in: document, with: "new")
    #expect(once == "a\n<!-- x: begin -->\nnew\n<!-- x: end -->\nz")
    #expect(once.flatMap { MarkedSection.replace("x", in: $0, with: "new") } == once)
  }

  @Test func needsBothMarksInOrder() {
    #expect(MarkedSection.replace("y", in: document, with: "new") == nil)
    #expect(
      MarkedSection.replace("x", in: "<!-- x: end --><!-- x: begin -->", with: "new") == nil)
  }
}
