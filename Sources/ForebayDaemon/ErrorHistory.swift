import ForebayCore
import ForebayWire

/// The last connections that the daemon ended or turned away: a ring, for `show errors`.
struct ErrorHistory {
  static let entriesMax = 64

  struct Entry {
    let milliseconds: Int64
    /// Nil where it was turned away at once.
    let client: ClientID?
    let user: UInt32
    let code: ErrorCode
    /// Where in its bytes: the offending frame's beginning, or all that it had sent.
    let offset: UInt64
    let excerpt: [UInt8]
  }

  private var entries: [Entry] = []
  private var oldest = 0
  private(set) var total: UInt64 = 0

  mutating func note(_ entry: Entry) {
    total += 1
    if entries.count < Self.entriesMax {
      entries.append(entry)
    } else {
      entries[oldest] = entry
      oldest = (oldest + 1) % Self.entriesMax
    }
  }

  /// The newest first.
  var newestFirst: [Entry] { Array(entries[oldest...] + entries[..<oldest]).reversed() }
}

extension ErrorHistory.Entry {
  /// Bytes can be of a payload, so only those who operate see them.
  func describe(withBytes: Bool) -> AdminValue {
    .object([
      "time": .text(WallClock.text(milliseconds: milliseconds)),
      "client": client.map { .text("\($0)") } ?? .none, "uid": .number(UInt64(user)),
      "reason": .text(code.wireName), "offset": .number(offset),
      "bytes": withBytes ? .text(Self.hex(excerpt)) : .none,
    ])
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }
}
