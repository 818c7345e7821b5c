import ForebayWire

/// What messages take of a buffer, in the two quantities that can run out.
package struct Cost: Equatable, Sendable {
  /// Wire bytes plus overhead.
  package var bytes: UInt64
  package var messages: UInt64

  package init(bytes: UInt64 = 0, messages: UInt64 = 0) {
    self.bytes = bytes
    self.messages = messages
  }

  package static let zero = Cost()

  package var isZero: Bool { bytes == 0 && messages == 0 }

  /// Whether both quantities are at most `other`'s.
  package func fits(in other: Cost) -> Bool { bytes <= other.bytes && messages <= other.messages }

  package static func + (a: Cost, b: Cost) -> Cost {
    Cost(bytes: a.bytes + b.bytes, messages: a.messages + b.messages)
  }

  /// Traps below zero: a difference is only taken where the rules say that it can't be negative.
  package static func - (a: Cost, b: Cost) -> Cost {
    invariant(b.fits(in: a), "\(b) is not more than \(a)")
    return Cost(bytes: a.bytes - b.bytes, messages: a.messages - b.messages)
  }

  package static func += (a: inout Cost, b: Cost) { a = a + b }
  package static func -= (a: inout Cost, b: Cost) { a = a - b }

  package static func * (a: Cost, factor: UInt64) -> Cost {
    Cost(bytes: a.bytes * factor, messages: a.messages * factor)
  }

  /// Rounded down.
  package static func / (a: Cost, divisor: UInt64) -> Cost {
    Cost(bytes: a.bytes / divisor, messages: a.messages / divisor)
  }

  /// The difference in each quantity, zero where `other` is larger.
  package func above(_ other: Cost) -> Cost {
    Cost(
      bytes: bytes > other.bytes ? bytes - other.bytes : 0,
      messages: messages > other.messages ? messages - other.messages : 0)
  }

  package func lesser(_ other: Cost) -> Cost {
    Cost(bytes: min(bytes, other.bytes), messages: min(messages, other.messages))
  }

  package func greater(_ other: Cost) -> Cost {
    Cost(bytes: max(bytes, other.bytes), messages: max(messages, other.messages))
  }
}
