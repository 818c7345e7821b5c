import ForebayWire

/// What a client says of itself in HELLO. Nothing is decided by it; people read it.
package final class ClientNames: Sendable {
  /// Long enough for any honest name; what is beyond is cut off.
  static let bytesMax = 64

  package let name: String
  package let shim: String
  package let shimVersion: String

  /// Nil if HELLO names nothing.
  init?(helloExtensions extensions: UnsafeRawBufferPointer) {
    var name = ""
    var shim = ""
    var shimVersion = ""
    var walk = ExtensionWalk(extensions)
    while let entry = walk.next() {
      let text = String(decoding: extensions[entry.value].prefix(Self.bytesMax), as: UTF8.self)
      switch entry.type {
      case .clientName: name = text
      case .shimName: shim = text
      case .shimVersion: shimVersion = text
      case _: break
      }
    }
    if name.isEmpty, shim.isEmpty, shimVersion.isEmpty { return nil }
    self.name = name
    self.shim = shim
    self.shimVersion = shimVersion
  }
}

/// Where in a connection's bytes it did what it was ended for, and how those bytes begin.
package struct Offence: Equatable, Sendable {
  package static let excerptBytesMax = 64
  /// From the connection's first byte.
  package let offset: UInt64
  package let excerpt: [UInt8]
}
