import ForebayWire

// Codes as people and scripts read them: the names of `proto/codes.json`.

extension MessageCode {
  var word: String? {
    switch self {
    case .none: return nil
    case .ttlExpired: return "TTL_EXPIRED"
    case .unsupportedExtension: return "UNSUPPORTED_EXTENSION"
    case .upstreamRejected: return "UPSTREAM_REJECTED"
    case .shuttingDown: return "SHUTTING_DOWN"
    case .laneNotPermitted: return "LANE_NOT_PERMITTED"
    case .levelUnavailable: return "LEVEL_UNAVAILABLE"
    case .attemptsExhausted: return "ATTEMPTS_EXHAUSTED"
    default: return nil
    }
  }
}
