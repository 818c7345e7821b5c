/// The parts of a URL behind its scheme: `//USER:PASSWORD@HOST:PORT/PATH?NAME=VALUE&…`.
struct URLParts {
  private(set) var user: String?
  private(set) var password: String?
  private(set) var host = ""
  private(set) var port: UInt16?
  /// With its slash.
  private(set) var path = ""
  private(set) var query: [(name: String, value: String)] = []

  init(_ text: String) throws(UpstreamAddress.Problem) {
    guard text.hasPrefix("//") else {
      throw .partInvalid("after the scheme comes '//', then the host")
    }
    var rest = text.dropFirst(2)
    if let mark = rest.firstIndex(of: "?") {
      try readQuery(rest[rest.index(after: mark)...])
      rest = rest[..<mark]
    }
    // A password may have a slash in it only if that is written as %2F, as in every URL.
    let end = rest.firstIndex(of: "/") ?? rest.endIndex
    path = String(rest[end...])
    var place = rest[..<end]
    if let at = place.lastIndex(of: "@") {
      try readLogin(place[..<at])
      place = place[place.index(after: at)...]
    }
    try readPlace(place)
  }

  /// The value of a name, which is then done with.
  mutating func take(_ name: String) -> String? {
    guard let index = query.firstIndex(where: { $0.name == name }) else { return nil }
    return query.remove(at: index).value
  }

  private mutating func readQuery(_ text: Substring) throws(UpstreamAddress.Problem) {
    for item in text.split(separator: "&") {
      let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { throw .partInvalid("'\(item)' has no value; write NAME=VALUE") }
      query.append((try Self.decoded(parts[0]), try Self.decoded(parts[1])))
    }
  }

  private mutating func readLogin(_ text: Substring) throws(UpstreamAddress.Problem) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    if !parts[0].isEmpty { user = try Self.decoded(parts[0]) }
    if parts.count == 2 { password = try Self.decoded(parts[1]) }
  }

  private mutating func readPlace(_ text: Substring) throws(UpstreamAddress.Problem) {
    var name = text
    if let bracket = text.lastIndex(of: "]"), text.hasPrefix("[") {
      name = text[text.index(after: text.startIndex)..<bracket]
      try readPort(text[text.index(after: bracket)...])
    } else if let colon = text.lastIndex(of: ":") {
      name = text[..<colon]
      try readPort(text[colon...])
    }
    host = try Self.decoded(name)
  }

  private mutating func readPort(_ text: Substring) throws(UpstreamAddress.Problem) {
    guard !text.isEmpty else { return }
    guard text.hasPrefix(":"), let number = UInt16(text.dropFirst()), number > 0 else {
      // What stands there may be a part of a password with a slash in it: it isn't shown.
      throw .partInvalid(
        "the port is no number from 1 to 65535; a '/' or '@' in a password is written as %2F or %40"
      )
    }
    port = number
  }

  static func decoded(_ text: Substring) throws(UpstreamAddress.Problem) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      else { throw .partInvalid("a '%' stands without two digits behind it; write it as %25") }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// What may stand for itself stays, everything else becomes `%XX`.
  static func encoded(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
        UInt8(ascii: "."), UInt8(ascii: "~"), UInt8(ascii: "{"), UInt8(ascii: "}"):
        result.unicodeScalars.append(UnicodeScalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        result += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
      }
    }
    return result
  }
}
