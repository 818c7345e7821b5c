import ForebayWire
import Testing

@Suite struct InvariantTests {
  @Test func staysSilentWhileItHolds() {
    invariant(true, { fatalError("the message is made only when it is needed") }())
  }

  @Test func stopsTheProcessAndSaysWhy() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      invariant(1 + 1 == 3, "sums")
    }
    let said = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(said.contains("broken invariant: sums"))
    #expect(said.contains("InvariantTests.swift"))
  }
}
