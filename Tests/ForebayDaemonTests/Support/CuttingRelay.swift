import Glibc

/// Passes bytes on between clients and a daemon, and cuts each connection after a drawn number of them:
/// in the middle of a frame, with receipts under way, before HELLO was answered. It turns when told.
final class CuttingRelay {
  /// Where it listens.
  let path: String
  private let connect: () throws -> RawSocket
  private let listener: RawListener
  private var random: SplitMix
  private var cables: [Cable] = []
  /// How many bytes a connection lasts, both directions together; nil cuts no more.
  var lifetime: ClosedRange<Int>? {
    didSet { if lifetime == nil { for cable in cables { cable.bytesLeft = .max } } }
  }
  private(set) var cuts = 0

  init(at path: String, to target: String, lifetime: ClosedRange<Int>, seed: Seed) throws {
    self.path = path
    connect = { try RawSocket(path: target) }
    self.lifetime = lifetime
    random = seed.random
    listener = try RawListener(path: path)
  }

  /// Between a daemon and an upstream's server, on loopback.
  init(at port: UInt16, to target: UInt16, lifetime: ClosedRange<Int>, seed: Seed) throws {
    path = "127.0.0.1:\(port)"
    connect = { try RawSocket(port: target) }
    self.lifetime = lifetime
    random = seed.random
    listener = try RawListener(port: port)
  }

  func turn() {
    while let near = listener.accept() {
      // A daemon that isn't there: the client sees its connection end.
      guard let far = try? connect() else { continue }
      cables.append(Cable(near, far, lifetime.map { random.draw($0) } ?? .max))
    }
    for cable in cables { cable.turn() }
    cuts += cables.count { $0.wasCut }
    cables.removeAll { $0.near.isClosed }
  }

  private final class Cable {
    let near: RawSocket
    let far: RawSocket
    var bytesLeft: Int
    private(set) var wasCut = false

    init(_ near: RawSocket, _ far: RawSocket, _ bytesLeft: Int) {
      self.near = near
      self.far = far
      self.bytesLeft = bytesLeft
    }

    func turn() {
      pass(from: near, to: far)
      pass(from: far, to: near)
    }

    private func pass(from source: RawSocket, to sink: RawSocket) {
      sink.flush()
      // No more than the other side takes: backpressure goes through.
      while !near.isClosed, !sink.hasUnwritten {
        switch source.read() {
        case .nothing: return
        case .end: end()
        case .bytes(let bytes):
          sink.write(Array(bytes.prefix(bytesLeft)))
          bytesLeft -= min(bytesLeft, bytes.count)
          if bytesLeft == 0 {
            wasCut = true
            end()
          }
        }
      }
    }

    private func end() {
      near.close()
      far.close()
    }
  }
}
