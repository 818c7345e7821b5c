package import ForebayTLS

/// A user's key as NATS writes it: `SU…`, 58 characters of base 32.
///
///     kind (5 bits) | whose (5 bits) … | 32 bytes of secret | CRC-16, low byte first
package struct NATSKey: Equatable, Sendable {
  /// `U…`, by which the server knows us.
  package let publicKey: String
  private let secret: [UInt8]

  /// `S` and `U` as the first bytes of what is written in base 32.
  private static let seedPrefix: UInt8 = 18 << 3
  private static let userPrefix: UInt8 = 20 << 3
  private static let seedBytes = 36

  package init(seed: String) throws(TLSError) {
    guard let raw = Self.decoded(seed), raw.count == Self.seedBytes else {
      throw TLSError("a user's key is 58 letters and digits that begin with SU")
    }
    let sum = UInt16(raw[34]) | UInt16(raw[35]) << 8
    guard sum == Self.checksum(raw[..<34]) else {
      throw TLSError("the key is damaged: its checksum is wrong")
    }
    guard raw[0] & 0xf8 == Self.seedPrefix else {
      throw TLSError("that is no secret key, which would begin with S")
    }
    guard (raw[0] & 7) << 5 | raw[1] >> 3 == Self.userPrefix else {
      throw TLSError("the key isn't a user's, which would begin with SU")
    }
    secret = Array(raw[2..<34])
    let open = [Self.userPrefix] + (try Ed25519.publicKey(of: secret))
    let check = Self.checksum(open[...])
    publicKey = Self.encoded(open + [UInt8(truncatingIfNeeded: check), UInt8(check >> 8)])
  }

  /// What the server wants signed, as it wants it: base 64 for URLs, without padding.
  package func signature(of nonce: String) throws(TLSError) -> String {
    Self.base64(try Ed25519.sign(Array(nonce.utf8), by: secret))
  }

  // MARK: How it is written

  private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

  private static func decoded(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    var bits: UInt32 = 0
    var count = 0
    for letter in text.utf8 {
      guard let value = letters.firstIndex(of: letter) else { return nil }
      bits = bits << 5 | UInt32(value)
      count += 5
      guard count >= 8 else { continue }
      count -= 8
      bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
    }
    return bytes
  }

  private static func encoded(_ bytes: [UInt8]) -> String {
    grouped(bytes, bitsEach: 5, letters)
  }

  private static func base64(_ bytes: [UInt8]) -> String {
    grouped(
      bytes, bitsEach: 6,
      Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8))
  }

  private static func grouped(_ bytes: [UInt8], bitsEach size: UInt32, _ letters: [UInt8]) -> String
  {
    var text: [UInt8] = []
    var bits: UInt32 = 0
    var count: UInt32 = 0
    let mask = (1 as UInt32) << size - 1
    for byte in bytes {
      bits = bits << 8 | UInt32(byte)
      count += 8
      while count >= size {
        count -= size
        text.append(letters[Int(bits >> count & mask)])
      }
    }
    if count > 0 { text.append(letters[Int(bits << (size - count) & mask)]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// CRC-16 as in XMODEM.
  private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt16 {
    var sum: UInt16 = 0
    for byte in bytes {
      sum ^= UInt16(byte) << 8
      for _ in 0..<8 { sum = sum & 0x8000 != 0 ? sum << 1 ^ 0x1021 : sum << 1 }
    }
    return sum
  }
}

/// As whom we come.
package enum NATSLogin: Equatable, Sendable {
  case none
  case user(String, password: String)
  case token(String)
  case key(NATSKey)
  /// A token that an account has signed, and the key that it names.
  case credentials(token: String, NATSKey)

  /// From the text of a file that `nsc` has written: the token, and behind it the key.
  package init(credentials text: String) throws(TLSError) {
    guard let token = Self.block("NATS USER JWT", in: text),
      let seed = Self.block("USER NKEY SEED", in: text)
    else { throw TLSError("that is no file of credentials: it has no user JWT, or no seed") }
    self = .credentials(token: token, try NATSKey(seed: seed))
  }

  /// The first line that isn't empty behind `-----BEGIN NAME-----`.
  private static func block(_ name: String, in text: String) -> String? {
    let lines = text.split(whereSeparator: \.isNewline).map { $0.filter { !$0.isWhitespace } }
    let mark = "BEGIN\(name.filter { $0 != " " })"
    guard let begin = lines.firstIndex(where: { $0.contains(mark) }) else { return nil }
    return lines[(begin + 1)...].first { !$0.isEmpty }
  }

  /// The members of CONNECT that say it.
  func members(nonce: String?) throws(TLSError) -> [(name: String, value: String)] {
    switch self {
    case .none: return []
    case .user(let user, let password): return [("user", user), ("pass", password)]
    case .token(let token): return [("auth_token", token)]
    case .key(let key):
      return [("nkey", key.publicKey), ("sig", try Self.signature(key, nonce))]
    case .credentials(let token, let key):
      return [("jwt", token), ("sig", try Self.signature(key, nonce))]
    }
  }

  private static func signature(_ key: NATSKey, _ nonce: String?) throws(TLSError) -> String {
    guard let nonce else {
      throw TLSError("it asks for no signature, and a key is all that we have: it knows no nkeys")
    }
    return try key.signature(of: nonce)
  }
}
