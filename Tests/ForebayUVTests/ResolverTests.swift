import ForebayUV
import Testing

@Suite struct ResolverTests {
  @Test func resolvesNumbers() throws {
    try withLoop { loop in
      var result: Result<[SocketAddress], UVError>?
      try Resolver.resolve(on: loop, host: "127.0.0.1", port: 4_222) { result = $0 }
      try turn(loop, until: { result != nil })
      #expect(try result?.get().map(\.description) == ["127.0.0.1:4222"])
    }
  }

  @Test func tellsThatANameIsNone() throws {
    try withLoop { loop in
      var result: Result<[SocketAddress], UVError>?
      // A label of more than 63 bytes can't be asked for, so that no server is needed.
      let name = String(repeating: "x", count: 70) + ".invalid"
      try Resolver.resolve(on: loop, host: name, port: 1) { result = $0 }
      try turn(loop, until: { result != nil })
      #expect(throws: UVError.self) { try result?.get() }
    }
  }
}
