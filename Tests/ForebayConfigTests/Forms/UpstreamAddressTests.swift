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
}
