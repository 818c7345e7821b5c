import ForebayCore
import ForebayTLS
import ForebayWire

/// By which a server tells that a request repeats an earlier one.
///
/// One message has its own id, as with every upstream. Several have a digest of all their ids in order,
/// and their number: the same for the same messages, however they lay in memory, and another one as soon
/// as one message more or less is in the request. With the first message's id alone, a repetition in other
/// company would pass for the whole request that a server has taken before, and the others be lost.
struct BatchIdentity {
  private struct Stretch {
    let tag: ID128
    let first: UInt64
    var count: UInt64
  }

  private var stretches: [Stretch] = []
  private(set) var count = 0

  mutating func removeAll() {
    stretches.removeAll(keepingCapacity: true)
    count = 0
  }

  mutating func add(_ tag: ID128, _ sequence: UInt64) {
    count += 1
    let last = stretches.count - 1
    if last >= 0, stretches[last].tag == tag, sequence > stretches[last].first,
      sequence - stretches[last].first == stretches[last].count
    {
      stretches[last].count += 1
    } else {
      stretches.append(Stretch(tag: tag, first: sequence, count: 1))
    }
  }

  /// 32 digits, a dash, and the sequence or the number of messages.
  static let bytesMax = RedisEncoder.idBytesMax

  /// Writes it where `bytesMax` fit.
  func write(to writer: inout ByteWriter) {
    guard count > 1 else {
      writer.put(HexTag(stretches[0].tag))
      writer.put(UInt8(ascii: "-"))
      return writer.put(decimal: stretches[0].first)
    }
    let digest = stretches.withUnsafeBytes { Digest.of($0) }
    writer.put(HexTag(digest))
    writer.put(UInt8(ascii: "-"))
    writer.put(decimal: UInt64(count))
  }
}
