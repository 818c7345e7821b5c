import ForebayConfig
import ForebayUV

/// How the process's descriptors are divided.
///
/// Our own cap on connections must bite before they run out: then libuv accepts connections and closes
/// them without a word to anybody.
enum DescriptorBudget {
  /// The loop, standard streams, admin sessions, refusals under way, a listener with its directory.
  private static let base: UInt64 = 56
  /// A journal has five, and while it is opened anew some more; a link has one.
  private static let eachRoute: UInt64 = 8
  private static let eachFurtherSocket: UInt64 = 4
  /// With fewer there is no point in a start.
  private static let connectionsMin: UInt64 = 16

  /// Connections that the descriptor limit leaves room for, after it was raised as far as it may be.
  static func connections(_ settings: DaemonSettings) throws -> Int {
    let kept =
      base + eachRoute * UInt64(settings.routes.count)
      + settings.routes.reduce(0) { $0 + more($1) }
      + eachFurtherSocket * UInt64(max(1, settings.sockets.count) - 1)
    let limit = try DescriptorLimit.raise().soft
    guard limit >= kept + connectionsMin else {
      throw TooFewDescriptors(limit: limit, needed: kept + connectionsMin)
    }
    return Int(clamping: limit - kept)
  }

  /// An HTTP upstream has a descriptor a connection, and two while it looks for the server's address.
  private static func more(_ route: RouteTarget) -> UInt64 {
    if case .http = route.address { 2 * UInt64(route.http.connections) } else { 0 }
  }

  struct TooFewDescriptors: Error, CustomStringConvertible {
    let limit: UInt64
    let needed: UInt64
    var description: String {
      "the descriptor limit (ulimit -n, LimitNOFILE) is \(limit); at least \(needed) are needed for "
        + "these routes and a few connections"
    }
  }
}
