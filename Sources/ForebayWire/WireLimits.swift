/// The numbers of protocol version 1 that no configuration changes. `proto/codes.json` lists them.
package enum WireLimits {
  /// "FBAY", the first four bytes after HELLO's header.
  package static let magic: UInt32 = 0x4642_4159
  package static let version: UInt16 = 1
  /// `u32 length, u8 type, u8 flags, u16 reserved`.
  package static let headerBytes = 8
  /// A DATA frame up to its extensions: header, sequence, ttl, lane, reserved, extension length.
  package static let dataFixedBytes = 24
  /// All extensions of one message together: enough for keys and headers, too little to smuggle payload.
  package static let extensionsBytesMax = 16_384
  /// Any frame but DATA, with its header. The largest, a full RECEIPT, has 65 528 bytes.
  package static let controlFrameBytesMax = 65_536
  /// What a configured maximum frame may not exceed: a frame occupies one contiguous block.
  package static let frameBytesMax = 16_777_216
  /// Ranges in one RECEIPT: what fits `controlFrameBytesMax`.
  package static let receiptRangesMax = 4095
  /// Messages in one run: a run's settled bitmap is four words.
  package static let runMessagesMax = 256
  /// The highest sequence; the one above it is left out so that the end of a range can be written.
  package static let sequenceMax = UInt64.max - 1
  /// What WELCOME may ask a message to cost beyond its frame: keeps a cost within 32 bits.
  package static let overheadBytesMax = 65_536
  /// Lanes that a frame can name. More would only spread one client's deficit thinner.
  package static let lanesMax = 8
}
