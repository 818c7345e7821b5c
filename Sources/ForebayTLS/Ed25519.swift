internal import CSSL

/// Signatures by a secret of 32 bytes (RFC 8032), for servers that ask for one in place of a password.
package enum Ed25519 {
  package static let secretBytes = 32
  private static let publicBytes = 32
  private static let signatureBytes = 64

  /// The public half of a secret.
  package static func publicKey(of secret: [UInt8]) throws(TLSError) -> [UInt8] {
    let key = try Key(secret)
    var bytes = [UInt8](repeating: 0, count: publicBytes)
    var count = bytes.count
    guard EVP_PKEY_get_raw_public_key(key.pointer, &bytes, &count) == 1, count == publicBytes
    else { throw TLSError.ofLibrary("the key has no public half") }
    return bytes
  }

  package static func sign(_ message: [UInt8], by secret: [UInt8]) throws(TLSError) -> [UInt8] {
    let key = try Key(secret)
    guard let context = EVP_MD_CTX_new() else {
      throw TLSError.ofLibrary("a signature can't be made")
    }
    defer { EVP_MD_CTX_free(context) }
    var bytes = [UInt8](repeating: 0, count: signatureBytes)
    var count = bytes.count
    // This kind of key hashes by itself, so no digest is named.
    guard EVP_DigestSignInit(context, nil, nil, nil, key.pointer) == 1,
      EVP_DigestSign(context, &bytes, &count, message, message.count) == 1,
      count == signatureBytes
    else { throw TLSError.ofLibrary("a signature can't be made") }
    return bytes
  }

  private struct Key: ~Copyable {
    let pointer: OpaquePointer

    init(_ secret: [UInt8]) throws(TLSError) {
      ERR_clear_error()
      guard secret.count == secretBytes,
        let pointer = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, secret, secret.count)
      else { throw TLSError.ofLibrary("a key of \(secret.count) bytes is none") }
      self.pointer = pointer
    }

    deinit { EVP_PKEY_free(pointer) }
  }
}
