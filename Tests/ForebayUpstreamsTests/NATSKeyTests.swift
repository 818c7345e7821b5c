import ForebayTLS
import Testing

@testable import ForebayUpstreams

@Suite struct NATSKeyTests {
  private let seed = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"
  private let open = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"

  @Test func aSeedHasAPublicKey() throws {
    let key = try NATSKey(seed: seed)
    #expect(key.publicKey == open)
    let signature = try key.signature(of: "a nonce")
    #expect(signature.utf8.count == 86)
    #expect(try key.signature(of: "a nonce") == signature)
    #expect(try key.signature(of: "another") != signature)
  }

  @Test(arguments: [
    ("", "58 letters"), ("SUACSSL3", "58 letters"), ("suacssl3uahudxkf", "58 letters"),
    ("SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VA", "checksum"),
    ("UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4", "58 letters"),
  ])
  func whatIsNoSeedIsToldSo(_ text: String, _ reason: String) {
    do throws(TLSError) {
      _ = try NATSKey(seed: text)
      Issue.record("\(text) was taken")
    } catch {
      #expect(error.text.contains(reason), "\(error)")
    }
  }

  /// RFC 8032, section 7.1, test 1.
  @Test func signaturesAreThoseOfTheStandard() throws {
    let secret: [UInt8] = [
      0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c,
      0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae,
      0x7f, 0x60,
    ]
    #expect(try Ed25519.publicKey(of: secret).prefix(4) == [0xd7, 0x5a, 0x98, 0x01])
    #expect(try Ed25519.sign([], by: secret).prefix(4) == [0xe5, 0x56, 0x43, 0x00])
  }

  @Test func aFileOfCredentialsHasATokenAndAKey() throws {
    let text = """
      -----BEGIN NATS USER JWT-----
      eyJ0eXAiOiJKV1QifQ.e30.AAAA
      ------END NATS USER JWT------

      ************************* IMPORTANT *************************
      NKEY Seed printed below can be used to sign and prove identity.

      -----BEGIN USER NKEY SEED-----
      \(seed)
      ------END USER NKEY SEED------
      """
    let key = try NATSKey(seed: seed)
    #expect(
      try NATSLogin(credentials: text)
        == .credentials(token: "eyJ0eXAiOiJKV1QifQ.e30.AAAA", key))
    #expect(throws: TLSError.self) { try NATSLogin(credentials: seed) }
  }

  @Test func whoWeAreIsSaid() throws {
    func names(_ login: NATSLogin, nonce: String? = "n") throws -> [String] {
      try login.members(nonce: nonce).map(\.name)
    }
    let key = try NATSKey(seed: seed)
    #expect(try names(.none) == [])
    #expect(try names(.user("a", password: "b")) == ["user", "pass"])
    #expect(try names(.token("t")) == ["auth_token"])
    #expect(try names(.key(key)) == ["nkey", "sig"])
    #expect(try names(.credentials(token: "t", key)) == ["jwt", "sig"])
    #expect(throws: TLSError.self) { try names(.key(key), nonce: nil) }
  }
}
