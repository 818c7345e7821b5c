import ForebayConfig
import Testing

struct UpstreamAddressTests {
  @Test(arguments: [
    ("journal:/var/j.db", UpstreamAddress.journal(path: "/var/j.db")),
    ("journal:///var/j.db", .journal(path: "/var/j.db")),
    ("journal:here.db", .journal(path: "here.db")),
    ("journal:a:b", .journal(path: "a:b")),
    ("forebay+unix:/run/x.sock", .peerUnix(path: "/run/x.sock")),
    ("forebay+tcp:localhost:7420", .peerTCP(host: "localhost", port: 7420)),
    ("forebay+tcp://10.0.0.1:1", .peerTCP(host: "10.0.0.1", port: 1)),
    ("forebay+tcp:[::1]:65535", .peerTCP(host: "::1", port: 65_535)),
  ])
  func isReadFromAURL(_ text: String, _ address: UpstreamAddress) throws {
    #expect(try UpstreamAddress(text) == address)
    #expect(try UpstreamAddress(address.description) == address, "and can be written again")
  }

  @Test(arguments: [
    ("", UpstreamAddress.Problem.unknownScheme("")),
    ("/var/j.db", .unknownScheme("/var/j.db")),
    ("JOURNAL:/x", .unknownScheme("JOURNAL")),
    ("journal", .pathMissing), ("journal:", .pathMissing), ("journal://", .pathMissing),
    ("forebay+unix:", .pathMissing), ("forebay+tcp:host", .portMissing),
    ("forebay+tcp:host:", .portInvalid("")), ("forebay+tcp:host:x", .portInvalid("x")),
    ("forebay+tcp:host:0", .portInvalid("0")), ("forebay+tcp:host:65536", .portInvalid("65536")),
    ("forebay+tcp::80", .pathMissing), ("forebay+tcp:[]:80", .pathMissing),
  ])
  func saysWhatIsWrongWithOne(_ text: String, _ problem: UpstreamAddress.Problem) {
    #expect(throws: problem) { try UpstreamAddress(text) }
    #expect(!problem.description.isEmpty)
  }

  @Test(arguments: [
    ("redis://h", "redis://h:6379"), ("redis://h:7000/3", "redis://h:7000/3"),
    ("rediss://app@[::1]:6380/", "rediss://app@[::1]:6380"),
    ("redis://:s%2Fcret@h?stream=in%20box", "redis://:***@h:6379?stream=in%20box"),
    ("rediss://app:s3cret@h/0?db=2", "rediss://app:***@h:6379/2"),
    ("redis+unix:///run/r.sock", "redis+unix:///run/r.sock"),
    ("redis+unix://a:b@/run/r.sock?db=1", "redis+unix://a:***@/run/r.sock?db=1"),
  ])
  func aRedisURLIsReadAndItsPasswordNotShown(_ text: String, _ shown: String) throws {
    #expect(try UpstreamAddress(text).description == shown)
  }

  @Test func whatIsEncodedInARedisURLIsDecoded() throws {
    guard case .redis(let address) = try UpstreamAddress("redis://us%40er:p%2F%3A%25@h") else {
      throw CancellationError()
    }
    #expect(address.user == "us@er" && address.password == "p/:%")
  }

  @Test(arguments: [
    "redis:h", "redis://", "redis://h:0", "redis://h:x", "redis://h/x", "redis://h?a=1",
    "redis://h?db", "redis://a%2@h", "redis+unix://h/run/r.sock", "redis://:pa/ss@h",
  ])
  func aRedisURLThatCanNotBeIsRefused(_ text: String) {
    do throws(UpstreamAddress.Problem) {
      _ = try UpstreamAddress(text)
      Issue.record("\(text) was read")
    } catch {
      #expect(!error.description.contains("ss@"), "it may be a part of a password")
    }
  }
}
