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

  @Test(arguments: [
    ("kafka://h", "kafka://h:9092"),
    ("kafka://a:1,b,[::1]:3/orders", "kafka://a:1,b:9092,[::1]:3/orders"),
    ("kafkas://app:s3cret@a,b/t", "kafkas://app:***@a:9092,b:9092/t"),
    ("kafka://us%2Cer:p%2Fw@a:1/", "kafka://us%2Cer:***@a:1"),
    ("kafka://a/{route}.{lane}", "kafka://a:9092/{route}.{lane}"),
  ])
  func aKafkaURLIsReadAndItsPasswordNotShown(_ text: String, _ shown: String) throws {
    #expect(try UpstreamAddress(text).description == shown)
  }

  @Test func whatIsEncodedInAKafkaURLIsDecoded() throws {
    guard case .kafka(let address) = try UpstreamAddress("kafkas://us%2Cer:p%2F%3A@a,b:7/t") else {
      throw CancellationError()
    }
    #expect(address.user == "us,er" && address.password == "p/:" && address.isEncrypted)
    #expect(address.bootstrap == "a:9092,b:7" && address.topic == "t")
  }

  @Test(arguments: [
    "kafka:h", "kafka://", "kafka://h:0", "kafka://h,:1", "kafka://h,,i", "kafka://h,",
    "kafka://h/a b",
    "kafka://h/a/b", "kafka://h/t?x=1", "kafka://h,u:pa55@i/t",
  ])
  func aKafkaURLThatCanNotBeIsRefused(_ text: String) {
    do throws(UpstreamAddress.Problem) {
      _ = try UpstreamAddress(text)
      Issue.record("\(text) was read")
    } catch {
      #expect(!error.description.contains("pa55"), "it may be a password")
    }
  }

  @Test(arguments: [
    ("amqp://h", "amqp://h:5672"), ("amqps://h/", "amqps://h:5671"),
    (
      "amqp://app:s3cret@h:7000/a%2Fb?exchange=in&routing_key={key}",
      "amqp://app:***@h:7000/a%2Fb?exchange=in&routing_key={key}"
    ),
    ("amqp://app@[::1]/%2F?exchange=", "amqp://app@[::1]:5672?exchange="),
  ])
  func anAMQPURLIsReadAndItsPasswordNotShown(_ text: String, _ shown: String) throws {
    #expect(try UpstreamAddress(text).description == shown)
    #expect(try UpstreamAddress(shown).description == shown)
  }

  @Test(arguments: [
    "amqp:h", "amqp://", "amqp://h:x", "amqp://h/a/b", "amqp://h?queue=a", "amqp://h?routing_key=",
    "amqp://h/" + String(repeating: "v", count: 256),
  ])
  func anAMQPURLThatCanNotBeIsRefused(_ text: String) {
    #expect(throws: UpstreamAddress.Problem.self) { try UpstreamAddress(text) }
  }
}
