import Testing

@testable import ForebayConfig

@Suite struct NATSAddressTests {
  @Test(arguments: [
    ("nats://h", "nats://h:4222"), ("nats://h:7000/", "nats://h:7000"),
    ("nats+tls://app:s3cret@[::1]:6380/", "nats+tls://app:***@[::1]:6380"),
    ("nats://s%2Fcret@h?subject=in%20box", "nats://***@h:4222?subject=in%20box"),
    (
      "nats://a:b@h,i:1,[::1]:2/?subject=x.{lane}",
      "nats://a:***@h:4222,i:1,[::1]:2?subject=x.{lane}"
    ),
  ])
  func aURLIsReadAndItsSecretsNotShown(_ text: String, _ shown: String) throws {
    #expect(try UpstreamAddress(text).description == shown)
  }

  @Test func whatIsEncodedIsDecoded() throws {
    guard case .nats(let address) = try UpstreamAddress("nats://us%40er:p%2F%3A%2C@h:1,i") else {
      throw CancellationError()
    }
    #expect(address.user == "us@er" && address.password == "p/:,")
    #expect(
      address.servers == [
        NATSAddress.Server(host: "h", port: 1), NATSAddress.Server(host: "i", port: 4222),
      ])
    guard case .nats(let token) = try UpstreamAddress("nats+tls://tok%3Aen@h") else {
      throw CancellationError()
    }
    #expect(token.token == "tok:en" && token.user == nil && token.isEncrypted)
  }

  @Test(arguments: [
    "nats:h", "nats://", "nats://h:0", "nats://h:x", "nats://h/x", "nats://h?a=1", "nats://h,,i",
    "nats://h,", "nats://h,i:x", "nats://a%2@h", "nats://:pa/ss@h", "nats://a:b@c:pa/ss@h",
    "nats://pa/ss@h",
  ])
  func aURLThatCanNotBeIsRefused(_ text: String) {
    do throws(UpstreamAddress.Problem) {
      _ = try UpstreamAddress(text)
      Issue.record("\(text) was read")
    } catch {
      #expect(!error.description.contains("ss@"), "it may be a part of a password")
    }
  }

  private func problems(_ url: String, _ change: (inout NATSSettings) -> Void) throws -> [String] {
    var route = RouteTarget()
    route.address = try UpstreamAddress(url)
    change(&route.nats)
    return route.upstreamProblems(at: "r").map(\.text)
  }

  @Test func whoWeAreIsSaidOnce() throws {
    let file = "/f"
    #expect(try problems("nats://a:b@h") { _ in } == [])
    #expect(try problems("nats://a@h") { $0.password = "p" } == [])
    #expect(try problems("nats://h") { $0.keyFile = file } == [])
    #expect(try problems("nats://h") { $0.tokenFile = file } == [])
    #expect(try problems("nats://h") { $0.password = "p" }.first?.contains("no user") == true)
    for change: (inout NATSSettings) -> Void in [
      { $0.password = "p" }, { $0.keyFile = file }, { $0.token = "t" },
      { $0.credentialsFile = file },
    ] {
      #expect(
        try problems("nats://a:b@h", change).first?.contains("several ways") == true)
    }
    #expect(
      try problems("nats://h") {
        $0.keyFile = file
        $0.credentialsFile = file
      }.first?.contains("several ways") == true)
  }

  @Test(arguments: ["a b", "a.*", ">", "a..b", ".a", "a.", "{lane}."])
  func aSubjectThatCanNotBeIsRefused(_ subject: String) throws {
    #expect(try problems("nats://h") { $0.subject = subject }.count == 1)
  }

  @Test func subjectsAndHeadersThatCanBeAreNot() throws {
    #expect(
      try problems("nats://h") {
        $0.subject = "in.{route}.{lane}-x"
        $0.keyHeader = "X-Key"
      } == [])
    #expect(try problems("nats://h") { $0.keyHeader = "nats-Msg-Id" }.count == 1)
    #expect(try problems("nats://h") { $0.keyHeader = "a b" }.count == 1)
  }
}
