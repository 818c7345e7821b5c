internal import CSSL

// For libraries that make their own TLS connections with the same OpenSSL: they use what was loaded and
// checked here at the start, and read no files while the loop runs.
extension TLSContext {
  /// Gives a library's `SSL_CTX` our authorities, our certificate and its key. False if it can't be.
  package func lend(to raw: UnsafeMutableRawPointer) -> Bool {
    let other = OpaquePointer(raw)
    SSL_CTX_set1_cert_store(other, SSL_CTX_get_cert_store(context))
    guard let certificate = SSL_CTX_get0_certificate(context),
      let key = SSL_CTX_get0_privatekey(context)
    else { return true }
    return SSL_CTX_use_certificate(other, certificate) == 1
      && SSL_CTX_use_PrivateKey(other, key) == 1 && forebay_ssl_lend_chain(context, other) == 1
  }

  /// `TLSv1.3` of a library's `SSL`.
  package static func version(of raw: UnsafeMutableRawPointer) -> String {
    String(cString: SSL_get_version(OpaquePointer(raw)))
  }
}
