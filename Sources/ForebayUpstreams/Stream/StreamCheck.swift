package import ForebayTLS
package import ForebayUV

/// Asks a server over one connection what an operator wants to know before messages go to it.
package protocol StreamCheck: AnyObject {
  /// `deadline` is for the connect; whoever asks ends the rest.
  func start(
    at endpoint: ByteStream.Endpoint, tls: TLSContext?, on loop: Loop, until deadline: UInt64)
}
