/// Which server is tried: those of the URL in their order, then those that they tell of.
struct ServerList {
  private let configured: [ByteStream.Endpoint]
  private let learns: Bool
  private var told: [ByteStream.Endpoint] = []
  private var current = 0

  /// A cluster has fewer; whatever a server tells, this is what we remember.
  static let toldMax = 64

  /// `learns`: servers that others tell of are tried, too.
  init(_ configured: [ByteStream.Endpoint], learns: Bool = false) {
    self.configured = configured
    self.learns = learns
  }

  private var count: Int { configured.count + told.count }
  var hasOthers: Bool { count > 1 }

  private subscript(_ index: Int) -> ByteStream.Endpoint {
    index < configured.count ? configured[index] : told[index - configured.count]
  }

  func next() -> ByteStream.Endpoint { self[current % count] }

  /// The next one is another, whether that one was there or not.
  mutating func ended() { current = (current + 1) % count }

  /// The list of a cluster replaces the one before.
  mutating func learned(_ addresses: [String]) {
    guard learns else { return }
    let server = next()
    let new = addresses.compactMap(Self.endpoint).filter { !configured.contains($0) }
    told = Array(new.prefix(Self.toldMax))
    // The one that we speak to keeps its turn.
    current = (0..<count).first { self[$0] == server } ?? 0
  }

  private static func endpoint(_ text: String) -> ByteStream.Endpoint? {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
      port > 0
    else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
    return host.isEmpty ? nil : .tcp(host: String(host), port: port)
  }
}
