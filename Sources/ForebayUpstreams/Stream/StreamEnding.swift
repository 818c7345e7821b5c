package import ForebayTLS
package import ForebayUV

/// How a byte stream ended: each way has a name, for logs and counters, and says what was wrong.
package enum StreamEnding: Equatable, CustomStringConvertible {
  /// The name has no address.
  case unresolved(UVError)
  /// No address took the connection; this is what the last one said.
  case unreachable(UVError)
  /// No address took it in time.
  case connectTimeout
  /// TLS failed, in the handshake or later: most often a certificate.
  case untrusted(TLSError)
  /// The other side closed it.
  case closedByPeer
  /// It broke.
  case broken(UVError)
  /// We did, for this reason.
  case closedByUs(String)

  /// One word.
  package var label: String {
    switch self {
    case .unresolved: "unresolved"
    case .unreachable: "unreachable"
    case .connectTimeout: "connect_timeout"
    case .untrusted: "tls"
    case .closedByPeer: "closed_by_peer"
    case .broken: "broken"
    case .closedByUs: "closed_by_us"
    }
  }

  package var description: String {
    switch self {
    case .unresolved(let error): "its name has no address: \(error)"
    case .unreachable(let error): "it can't be reached: \(error)"
    case .connectTimeout: "it can't be reached: no answer in time"
    case .untrusted(let error): "\(error)"
    case .closedByPeer: "it closed the connection"
    case .broken(let error): "the connection broke: \(error)"
    case .closedByUs(let reason): reason
    }
  }
}
