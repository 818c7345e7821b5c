import ForebayTLS
import TestFolder
import Testing

/// TLS without a socket: a client and a server in one memory, with certificates made by openssl.
@Suite struct TLSSessionTests {
  private let files = TestCertificates.shared

  private func options(_ change: (inout TLSOptions) -> Void = { _ in }) -> TLSOptions {
    var options = TLSOptions()
    options.authorityFile = files.file("ca.pem")
    change(&options)
    return options
  }

  /// Nil if both ends trust each other, else what the client says.
  private func handshake(
    _ options: TLSOptions, to host: String, server name: String, clientAuthority: String? = nil
  ) throws -> TLSError? {
    let client = try TLSSession(TLSContext(client: options), client: host)
    let server = try TLSSession(
      server: TLSContext(
        serverCertificate: files.file("\(name).pem"), key: files.file("\(name).key"),
        clientAuthority: clientAuthority))
    for _ in 0..<20 {
      switch client.proceed() {
      case .failed(let error): return error
      case .underWay, .established: break
      }
      server.received(client.output)
      client.outputTaken()
      _ = server.proceed()
      client.received(server.output)
      server.outputTaken()
      if client.isEstablished, server.isEstablished { break }
    }
    guard client.isEstablished else { return TLSError("the handshake never ends") }
    return try exchange(client, server)
  }

  private func exchange(_ client: TLSSession, _ server: TLSSession) throws -> TLSError? {
    let message = Array(repeating: UInt8(7), count: 100_000)
    try message.withUnsafeBytes { try client.write($0) }
    server.received(client.output)
    client.outputTaken()
    var buffer = [UInt8](repeating: 0, count: 30_000)
    var count = 0
    for _ in 0..<100 {
      let result = buffer.withUnsafeMutableBytes { server.read(into: $0) }
      guard case .bytes(let some) = result else { break }
      count += some
    }
    // A server that doesn't trust us says so after its handshake.
    client.received(server.output)
    if case .failed(let error) = buffer.withUnsafeMutableBytes({ client.read(into: $0) }) {
      return error
    }
    #expect(count == message.count)
    return nil
  }

  @Test(arguments: ["localhost", "127.0.0.1", "::1"])
  func aServerIsTrustedByNameOrAddress(_ host: String) throws {
    #expect(try handshake(options(), to: host, server: "good") == nil)
  }

  @Test func aServerOfSomebodyElseIsNot() throws {
    let error = try handshake(options(), to: "localhost", server: "stranger")
    #expect(error?.text.contains("can't be trusted") == true, "\(String(describing: error))")
    let system = options { $0.authorityFile = nil }
    #expect(try handshake(system, to: "localhost", server: "good") != nil)
  }

  @Test func anExpiredCertificateIsNot() throws {
    let error = try handshake(options(), to: "localhost", server: "expired")
    #expect(error?.text.contains("expired") == true, "\(String(describing: error))")
  }

  @Test(arguments: ["localhost", "127.0.0.1"])
  func anotherHostIsNot(_ host: String) throws {
    let error = try handshake(options(), to: host, server: "elsewhere")
    #expect(error?.text.contains("isn't for \(host)") == true, "\(String(describing: error))")
    let named = options { $0.serverName = "elsewhere.example" }
    #expect(try handshake(named, to: host, server: "elsewhere") == nil)
  }

  @Test func whoeverWantsItMayTrustAnybody() throws {
    let blind = options { $0.verifies = false }
    for server in ["stranger", "expired", "elsewhere"] {
      #expect(try handshake(blind, to: "localhost", server: server) == nil)
    }
  }

  @Test func aServerMayWantOurCertificate() throws {
    let authority = files.file("ca.pem")
    let known = options {
      $0.certificateFile = files.file("good.pem")
      $0.keyFile = files.file("good.key")
    }
    #expect(
      try handshake(known, to: "localhost", server: "good", clientAuthority: authority) == nil)
    #expect(
      try handshake(options(), to: "localhost", server: "good", clientAuthority: authority) != nil)
  }

  @Test func filesThatCanNotBeUsedAreNamed() {
    for change: (inout TLSOptions) -> Void in [
      { $0.authorityFile = "/nowhere/ca.pem" },
      { $0.certificateFile = "/nowhere/cert.pem" },
      { [files] in
        $0.certificateFile = files.file("good.pem")
        $0.keyFile = files.file("stranger.key")
      },
    ] {
      #expect(throws: TLSError.self) { try TLSContext(client: options(change)) }
    }
  }
}
