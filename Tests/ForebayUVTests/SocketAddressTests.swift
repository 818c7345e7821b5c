import ForebayUV
import Testing

@Suite struct SocketAddressTests {
  @Test func readsAndPrintsNumbers() throws {
    let four = try SocketAddress(numeric: "127.1.2.3", port: 80)
    #expect(four.host == "127.1.2.3" && four.port == 80 && four.isLoopback)
    #expect(four.description == "127.1.2.3:80")
    let six = try SocketAddress(numeric: "::1", port: 65_535)
    #expect(six.host == "::1" && six.port == 65_535 && six.isLoopback)
    #expect(six.description == "[::1]:65535")
    #expect(try !SocketAddress(numeric: "10.0.0.1", port: 1).isLoopback)
    #expect(try !SocketAddress(numeric: "fe80::1", port: 1).isLoopback)
  }

  @Test(arguments: ["localhost", "", "256.0.0.1", "1.2.3"])
  func refusesNames(_ text: String) {
    #expect(throws: UVError(.invalidArgument, "uv_ip6_addr")) {
      try SocketAddress(numeric: text, port: 1)
    }
  }
}
