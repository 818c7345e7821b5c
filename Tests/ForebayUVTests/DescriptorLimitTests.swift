import ForebayUV
import Testing

@Suite struct DescriptorLimitTests {
  @Test func raisesTheSoftLimitToTheHardOne() throws {
    let before = try DescriptorLimit.current()
    let after = try DescriptorLimit.raise()
    #expect(after.soft == before.hard && after.hard == before.hard)
    #expect(try DescriptorLimit.current() == after)
  }
}
