internal import CSSL

/// What goes wrong with TLS, in words for the operator.
package struct TLSError: Error, Equatable, Sendable, CustomStringConvertible {
  package let text: String
  package init(_ text: String) { self.text = text }
  package var description: String { text }
}

/// How a client's connections are secured. The defaults verify: the server's certificate must be signed
/// by an authority that is known, be valid now, and name the host that we connect to.
package struct TLSOptions: Equatable, Sendable {
  /// Whose certificates sign servers'; nil for those that the system trusts.
  package var authorityFile: String?
  /// Our own certificate with its chain, and its key, for servers that ask for one.
  package var certificateFile: String?
  package var keyFile: String?
  /// The name that the server's certificate must have, where it isn't that of the address.
  package var serverName: String?
  /// Off, anybody between us and the server can read and change everything.
  package var verifies = true
  package init() {}
}

/// Keys and authorities, loaded once and shared by the connections of an upstream.
package final class TLSContext {
  let context: OpaquePointer
  package let options: TLSOptions

  /// Reads files: at the start, not while the loop runs.
  package init(client options: TLSOptions) throws(TLSError) {
    self.options = options
    ERR_clear_error()
    guard let context = SSL_CTX_new(TLS_client_method()) else {
      throw TLSError.ofLibrary("TLS can't be set up")
    }
    self.context = context
    guard forebay_ssl_minimum_tls12(context) == 1 else {
      throw TLSError.ofLibrary("TLS 1.2 can't be required")
    }
    forebay_ssl_set_modes(context)
    try loadAuthorities(options)
    if let certificate = options.certificateFile {
      try load(certificate, key: options.keyFile ?? certificate)
    }
    SSL_CTX_set_verify(context, options.verifies ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
  }

  /// For the other side, in tests and measurements.
  package init(serverCertificate: String, key: String, clientAuthority: String? = nil)
    throws(TLSError)
  {
    options = TLSOptions()
    ERR_clear_error()
    guard let context = SSL_CTX_new(TLS_server_method()) else {
      throw TLSError.ofLibrary("TLS can't be set up")
    }
    self.context = context
    forebay_ssl_set_modes(context)
    try load(serverCertificate, key: key)
    guard let clientAuthority else { return }
    guard SSL_CTX_load_verify_file(context, clientAuthority) == 1 else {
      throw TLSError.ofLibrary("\(clientAuthority) can't be used")
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
  }

  deinit { SSL_CTX_free(context) }

  private func loadAuthorities(_ options: TLSOptions) throws(TLSError) {
    if let file = options.authorityFile {
      guard SSL_CTX_load_verify_file(context, file) == 1 else {
        throw TLSError.ofLibrary("the authority's certificate \(file) can't be used")
      }
    } else {
      guard SSL_CTX_set_default_verify_paths(context) == 1 else {
        throw TLSError.ofLibrary("the system's authorities can't be used")
      }
    }
  }

  private func load(_ certificate: String, key: String) throws(TLSError) {
    guard SSL_CTX_use_certificate_chain_file(context, certificate) == 1 else {
      throw TLSError.ofLibrary("the certificate \(certificate) can't be used")
    }
    guard SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 else {
      throw TLSError.ofLibrary("the key \(key) can't be used")
    }
    guard SSL_CTX_check_private_key(context) == 1 else {
      throw TLSError.ofLibrary("the key \(key) isn't that of the certificate \(certificate)")
    }
  }
}

extension TLSError {
  /// With OpenSSL's own reason, if it left one. Empties its queue of errors.
  static func ofLibrary(_ text: String) -> TLSError {
    var reason = ""
    while case let code = ERR_get_error(), code != 0 {
      if let words = ERR_reason_error_string(code) { reason = String(cString: words) }
    }
    return TLSError(reason.isEmpty ? text : "\(text): \(reason)")
  }
}
