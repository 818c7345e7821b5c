import ForebayConfig
import ForebayCore
import Testing

struct QuantityTests {
  @Test(arguments: [
    ("0", 0), ("65536", 65_536), ("7B", 7), ("64KiB", 65_536), ("64k", 65_536), ("64K", 65_536),
    ("64MiB", 67_108_864), ("1M", 1_048_576), ("1GiB", 1_073_741_824), ("2G", 2_147_483_648),
    ("18446744073709551615", UInt64.max),
  ])
  func readsSizes(_ text: String, _ bytes: UInt64) { #expect(Quantity.bytes(text) == bytes) }

  @Test(arguments: [
    "", "MiB", "-1", "+1", "1.5MiB", "64 MiB", "64mib", "64MB", "0x10", "1e3", "١", " 1", "1 ",
    "18446744073709551616", "17179869184GiB",
  ])
  func refusesWhatIsNoSize(_ text: String) { #expect(Quantity.bytes(text) == nil) }

  @Test(arguments: [
    ("0s", 0), ("500ms", 500_000_000), ("30s", 30_000_000_000), ("5m", 300_000_000_000),
    ("1h", 3_600_000_000_000),
  ])
  func readsTimes(_ text: String, _ nanoseconds: UInt64) {
    #expect(Quantity.time(text) == TimeSpan(nanoseconds: nanoseconds))
  }

  /// A bare number could be anything.
  @Test(arguments: ["", "30", "s", "-1s", "1.5s", "30 s", "30S", "1d", "99999999999999h"])
  func refusesWhatIsNoTime(_ text: String) { #expect(Quantity.time(text) == nil) }
}
