/// An upstream that speaks no Forebay, or badly: to each connection it says the same bytes and never
/// anything that follows from what it hears. It turns when told.
final class JunkPeer {
  /// What it says at once, and then again and again as long as the other side takes it.
  var greeting: [UInt8] = []
  var refrain: [UInt8] = []
  /// Says it and hangs up.
  var hangsUp = false
  private let listener: RawListener
  private var connections: [RawSocket] = []
  private(set) var accepted = 0

  init(path: String) throws { listener = try RawListener(path: path) }
  init(port: UInt16) throws { listener = try RawListener(port: port) }

  func turn() {
    while let connection = listener.accept() {
      accepted += 1
      connection.write(greeting)
      if hangsUp { connection.close() } else { connections.append(connection) }
    }
    for connection in connections {
      while case .bytes = connection.read() {}
      if !refrain.isEmpty, !connection.hasUnwritten { connection.write(refrain) }
      if !connection.isWritable, !connection.hasUnwritten { connection.close() }
    }
    connections.removeAll { $0.isClosed }
  }
}
