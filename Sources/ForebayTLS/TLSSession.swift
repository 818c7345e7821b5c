internal import CSSL
import ForebayWire

/// One TLS connection without its socket: what comes from the peer is given to it, what has to go to the
/// peer is taken from it.
///
///     received ─▶ ciphertext ─▶ OpenSSL ─▶ read        write ─▶ OpenSSL ─▶ ciphertext ─▶ output
///
/// Everything stays in memory, so OpenSSL never waits and never touches a descriptor.
package final class TLSSession {
  private let ssl: OpaquePointer
  /// What came from the peer, and what goes to it. OpenSSL owns both with the session.
  private let incoming: OpaquePointer
  private let outgoing: OpaquePointer
  private let context: TLSContext
  private let host: String
  package private(set) var isEstablished = false

  /// What a step of the handshake came to.
  package enum Progress: Equatable {
    /// Send what there is, and come back with more.
    case underWay
    case established
    case failed(TLSError)
  }

  /// What a read came to.
  package enum ReadResult: Equatable {
    case bytes(Int)
    /// Nothing until more is received.
    case needsMore
    /// The peer has ended it properly.
    case ended
    case failed(TLSError)
  }

  /// As a client of `host`, a name or an address in numbers, which is what the certificate must name.
  package init(_ context: TLSContext, client host: String) throws(TLSError) {
    let name = context.options.serverName ?? host
    (ssl, incoming, outgoing) = try Self.make(context)
    self.context = context
    self.host = name
    SSL_set_connect_state(ssl)
    try nameServer(name)
  }

  package init(server context: TLSContext) throws(TLSError) {
    (ssl, incoming, outgoing) = try Self.make(context)
    self.context = context
    host = ""
    SSL_set_accept_state(ssl)
  }

  deinit { SSL_free(ssl) }

  private static func make(
    _ context: TLSContext
  ) throws(TLSError) -> (OpaquePointer, OpaquePointer, OpaquePointer) {
    ERR_clear_error()
    guard let ssl = SSL_new(context.context), let incoming = BIO_new(BIO_s_mem()),
      let outgoing = BIO_new(BIO_s_mem())
    else { throw TLSError.ofLibrary("a TLS session can't be made") }
    forebay_bio_empty_is_retry(incoming)
    forebay_bio_empty_is_retry(outgoing)
    SSL_set_bio(ssl, incoming, outgoing)
    return (ssl, incoming, outgoing)
  }

  /// An address in numbers is looked for among the certificate's addresses, and isn't told the server:
  /// its extension is for names.
  private func nameServer(_ name: String) throws(TLSError) {
    let parameters = SSL_get0_param(ssl)
    let isAddress = X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1
    // A name isn't an address, which leaves an error that means nothing.
    ERR_clear_error()
    if isAddress { return }
    X509_VERIFY_PARAM_set_hostflags(
      parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    guard X509_VERIFY_PARAM_set1_host(parameters, name, 0) == 1,
      forebay_ssl_set_server_name(ssl, name) == 1
    else { throw TLSError.ofLibrary("'\(name)' can't be a server's name") }
  }

  // MARK: From the peer

  /// Takes what was read from the socket.
  package func received(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count > 0 else { return }
    let taken = BIO_write(incoming, bytes.baseAddress, Int32(bytes.count))
    invariant(Int(taken) == bytes.count, "memory takes what it is given")
  }

  /// Goes on with the handshake, as far as what was received allows.
  package func proceed() -> Progress {
    if isEstablished { return .established }
    ERR_clear_error()
    let result = SSL_do_handshake(ssl)
    if result == 1 {
      isEstablished = true
      return .established
    }
    switch SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .underWay
    default: return .failed(failure())
    }
  }

  /// Fills `buffer` with plain bytes, if there are any.
  package func read(into buffer: UnsafeMutableRawBufferPointer) -> ReadResult {
    ERR_clear_error()
    let count = SSL_read(ssl, buffer.baseAddress, Int32(clamping: buffer.count))
    if count > 0 { return .bytes(Int(count)) }
    switch SSL_get_error(ssl, count) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .needsMore
    case SSL_ERROR_ZERO_RETURN: return .ended
    // In TLS 1.3 a server that refuses our certificate says so only here.
    default: return .failed(failure())
    }
  }

  // MARK: To the peer

  /// Encrypts all of it: memory always has room. The caller bounds what it gives.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(TLSError) {
    var rest = bytes
    while !rest.isEmpty {
      ERR_clear_error()
      let count = SSL_write(ssl, rest.baseAddress, Int32(clamping: rest.count))
      guard count > 0 else { throw failure() }
      rest = UnsafeRawBufferPointer(rebasing: rest[Int(count)...])
    }
  }

  /// Tells the peer that nothing more comes.
  package func end() {
    ERR_clear_error()
    if isEstablished { _ = SSL_shutdown(ssl) }
    ERR_clear_error()
  }

  /// What is to go to the peer; good until the next call of anything else here.
  package var output: UnsafeRawBufferPointer {
    var start: UnsafeMutablePointer<CChar>?
    let count = forebay_bio_bytes(outgoing, &start)
    return UnsafeRawBufferPointer(start: start, count: count)
  }

  /// The output has been taken.
  package func outputTaken() { forebay_bio_reset(outgoing) }

  // MARK: What is said of it

  /// `TLSv1.3, TLS_AES_256_GCM_SHA384`
  package var description: String {
    let cipher = SSL_get_current_cipher(ssl).flatMap { SSL_CIPHER_get_name($0) }
    return String(cString: SSL_get_version(ssl))
      + (cipher.map { ", " + String(cString: $0) } ?? "")
  }

  /// What is wrong, where it is the certificate in words that say what to do.
  private func failure() -> TLSError {
    let result = SSL_get_verify_result(ssl)
    guard result != Int(X509_V_OK), context.options.verifies else {
      return TLSError.ofLibrary("TLS failed")
    }
    ERR_clear_error()
    let words = String(cString: X509_verify_cert_error_string(result))
    switch Int32(result) {
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
      return TLSError("the server's certificate isn't for \(host) (\(words))")
    default:
      return TLSError("the server's certificate can't be trusted: \(words)")
    }
  }
}
