import Testing

@testable import ForebayUV

@Suite struct UnixSocketPathTests {
  @Test(arguments: [
    ("/run/forebay/a.sock", "/run/forebay", "a.sock", "/run/forebay/a.soc~"),
    ("/a", "/", "a", "/~"), ("//a", "/", "a", "//~"), ("/d//a", "/d", "a", "/d//~"),
    ("a", ".", "a", "~"), ("./a~", ".", "a~", "./a="), ("d/~", "d", "~", "d/="),
  ])
  func takesPathsApart(_ path: String, _ directory: String, _ name: String, _ temporary: String)
    throws
  {
    let parts = try UnixSocketPath(path)
    #expect(parts.directory == directory)
    #expect(parts.name == name)
    #expect(parts.path(of: parts.temporaryName) == temporary)
    #expect(temporary.utf8.count == path.utf8.count)
  }

  @Test func countsBytes() throws {
    let longest = "/" + String(repeating: "x", count: 106)
    #expect(try UnixSocketPath(longest).name.utf8.count == 106)
    #expect(throws: ListenError.pathTooLong(bytes: 108)) { try UnixSocketPath(longest + "x") }
    let wide = "/" + String(repeating: "ü", count: 54)
    #expect(throws: ListenError.pathTooLong(bytes: 109)) { try UnixSocketPath(wide) }
  }

  @Test(arguments: ["@name", "\0name", "@", "@/run/x"])
  func refusesAbstractNames(_ path: String) {
    #expect(throws: ListenError.pathAbstract) { try UnixSocketPath(path) }
  }

  @Test(arguments: ["/run/", "/", "/run/.", "/run/..", ".", "..", "/a\0b"])
  func refusesWhatIsNoFileName(_ path: String) {
    #expect(throws: ListenError.pathInvalid) { try UnixSocketPath(path) }
  }

  @Test func refusesNothingAtAll() {
    #expect(throws: ListenError.pathEmpty) { try UnixSocketPath("") }
  }
}
