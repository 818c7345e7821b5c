import ForebayConfig
import ForebayUpstreams

extension RouteTarget {
  /// All that its traits depend on, without a secret.
  var httpTraitsOptions: HTTPOptions {
    var options = HTTPOptions()
    options.format = HTTPOptions.Format(http.format)
    options.connections = http.connections
    options.usesHTTP2 = http.usesHTTP2
    return options
  }

  func httpOptions(_ address: HTTPAddress) throws -> HTTPOptions {
    var options = httpTraitsOptions
    options.host = address.host
    options.port = address.port
    options.isEncrypted = address.isEncrypted
    options.serverName = tls.serverName
    options.target = address.target
    options.method = http.method.rawValue
    options.hasEnvelope = http.hasEnvelope
    options.contentType = http.contentType
    options.headers = http.headers.map(\.text)
    options.idHeader = http.idHeader?.text
    options.compresses = http.compression == .gzip
    options.statusRules = http.statuses.map {
      HTTPStatusTable.Rule($0.statuses, HTTPStatusTable.Meaning($0.meaning))
    }
    options.user = address.user ?? http.user
    options.password = try SecretFile.secret(
      address.password ?? http.password, or: http.passwordFile)
    options.bearerToken = try SecretFile.secret(http.bearerToken, or: http.bearerTokenFile)
    // It stands in a header, where a control character would begin another one.
    guard options.bearerToken?.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) ?? true else {
      throw HTTPTokenUnfit()
    }
    return options
  }
}

private struct HTTPTokenUnfit: Error, CustomStringConvertible {
  let description = "the bearer token has characters that no token has"
}

extension HTTPOptions.Format {
  fileprivate init(_ format: HTTPSettings.Format) {
    switch format {
    case .message: self = .message
    case .ndjson: self = .lines
    case .jsonArray: self = .array
    case .lengthPrefixed: self = .lengthPrefixed
    }
  }
}

extension HTTPStatusTable.Meaning {
  fileprivate init(_ meaning: HTTPStatusRule.Meaning) {
    switch meaning {
    case .accepted: self = .accepted
    case .failed: self = .failed
    case .throttled: self = .throttled
    case .rejected: self = .rejected
    }
  }
}
