import ForebayCore
import Testing

@Suite struct OfferedRateTests {
  @Test func comparesWithoutRounding() {
    let third = OfferedRate(messages: 1, span: .seconds(3))
    #expect(OfferedRate(messages: 2, span: .seconds(6)) == third)
    #expect(OfferedRate(messages: 1, span: .nanoseconds(2_999_999_999)) > third)
    #expect(OfferedRate(messages: 1, span: .nanoseconds(3_000_000_001)) < third)
    #expect(OfferedRate.zero < third)
  }

  @Test func messagesAndTimeAgree() {
    let rate = OfferedRate(messages: 7, span: .seconds(3))
    for count in 0..<1_000 as Range<UInt64> {
      let time = rate.time(for: count)
      #expect(rate.messages(in: time) == count)
      if count > 0 { #expect(rate.messages(in: .nanoseconds(time.nanoseconds - 1)) == count - 1) }
    }
  }

  @Test func extremesSaturate() {
    let huge = OfferedRate(messages: .max, span: .nanoseconds(1))
    #expect(huge.messages(in: .nanoseconds(.max)) == .max)
    #expect(huge.messages(in: .zero) == 0)
    #expect(huge.interval(percent: 5) == .zero)
    #expect(OfferedRate.zero.time(for: 1) == .nanoseconds(.max))
    #expect(OfferedRate.zero.interval(percent: 5) == nil)
    #expect(OfferedRate(messages: 1, span: .nanoseconds(.max)).time(for: 2) == .nanoseconds(.max))
  }
}
