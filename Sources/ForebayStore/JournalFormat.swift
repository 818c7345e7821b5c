import ForebayWire

/// How a message is printed.
package enum JournalFormat: Equatable, Sendable {
  /// The payload as it is, and a newline. `escapesControls` for terminals: a payload may hold
  /// sequences that a terminal obeys.
  case payload(escapesControls: Bool)
  /// The key extension, a tab, and the payload.
  case keyed(escapesControls: Bool)
  /// One JSON object a line with everything there is. What isn't UTF-8 is in `…_base64`.
  case json
}

extension OutputBuffer {
  func append(_ record: JournalRecord, as format: JournalFormat) throws(StoreError) {
    switch format {
    case .payload(let escapes): append(record.payload, escapingControls: escapes)
    case .keyed(let escapes):
      record.extensions.withUnsafeBytes { bytes in
        if let key = firstExtension(.key, in: bytes) {
          append(bytes[key], escapingControls: escapes)
        }
      }
      append(byte: UInt8(ascii: "\t"))
      append(record.payload, escapingControls: escapes)
    case .json: appendJSON(record)
    }
    try endLine()
  }

  private func append(_ bytes: some Collection<UInt8>, escapingControls escapes: Bool) {
    guard escapes else { return append(bytes) }
    // 0xc2 begins the C1 controls, which terminals obey like the escape character.
    var holdsC2 = false
    for byte in bytes {
      if holdsC2 {
        holdsC2 = false
        if (0x80..<0xa0).contains(byte) {
          append("\\xc2\\x\(hexadecimal(UInt64(byte), digits: 2))")
          continue
        }
        append(byte: 0xc2)
      }
      switch byte {
      case 0xc2: holdsC2 = true
      case 0x00..<0x09, 0x0a..<0x20, 0x7f:
        append("\\x\(hexadecimal(UInt64(byte), digits: 2))")
      default: append(byte: byte)
      }
    }
    if holdsC2 { append(byte: 0xc2) }
  }

  private func appendJSON(_ record: JournalRecord) {
    append("{\"id\":\(record.id),\"received_at\":\"\(timestamp(record.receivedAtMilliseconds))\"")
    append(",\"received_at_ms\":\(record.receivedAtMilliseconds)")
    append(",\"tag\":\"\(hexadecimal(record.tag.high, digits: 16))")
    append("\(hexadecimal(record.tag.low, digits: 16))\"")
    append(",\"sequence\":\(record.sequence),\"lane\":\(record.lane)")
    if !record.extensions.isEmpty { appendExtensions(record.extensions) }
    append(",")
    appendMember("payload", record.payload)
    append("}")
  }

  private func appendExtensions(_ extensions: [UInt8]) {
    append(",\"extensions\":[")
    extensions.withUnsafeBytes { bytes in
      var walk = ExtensionWalk(bytes)
      var separator = ""
      while let entry = walk.next() {
        append("\(separator){\"type\":\(name(of: entry.type)),")
        appendMember("value", bytes[entry.value])
        append("}")
        separator = ","
      }
    }
    append("]")
  }

  private func appendMember(_ name: String, _ bytes: some Collection<UInt8>) {
    if let quoted = JSONString.quoted(utf8: bytes) {
      append("\"\(name)\":\(quoted)")
    } else {
      append("\"\(name)_base64\":\"\(base64(bytes))\"")
    }
  }
}

private func firstExtension(
  _ type: ExtensionType, in bytes: UnsafeRawBufferPointer
) -> Range<Int>? {
  var walk = ExtensionWalk(bytes)
  while let entry = walk.next() {
    if entry.type == type { return entry.value }
  }
  return nil
}

/// The name, quoted; the number where it has none.
private func name(of type: ExtensionType) -> String {
  switch type {
  case .key: "\"key\""
  case .header: "\"header\""
  case .traceparent: "\"traceparent\""
  case .idempotencyID: "\"idempotency_id\""
  case .contentType: "\"content_type\""
  default: "\(type.rawValue)"
  }
}

func hexadecimal(_ value: UInt64, digits: Int) -> String {
  let text = String(value, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.count)) + text
}

func base64(_ bytes: some Collection<UInt8>) -> String {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  var text: [UInt8] = []
  text.reserveCapacity((bytes.count + 2) / 3 * 4)
  var group: UInt32 = 0
  var held = 0
  func put(_ count: Int) {
    for index in 0..<count { text.append(alphabet[Int(group >> (18 - 6 * index)) & 63]) }
  }
  for byte in bytes {
    group |= UInt32(byte) << (16 - 8 * held)
    held += 1
    if held == 3 {
      put(4)
      group = 0
      held = 0
    }
  }
  if held > 0 {
    put(held + 1)
    text.append(contentsOf: [UInt8](repeating: UInt8(ascii: "="), count: 3 - held))
  }
  return String(decoding: text, as: UTF8.self)
}

/// UTC, as RFC 3339 writes it. What lies outside its years 0 to 9999 comes out as the nearest that
/// doesn't: it can only be a file that somebody else has written to.
func timestamp(_ milliseconds: Int64) -> String {
  let milliseconds = min(max(milliseconds, -62_167_219_200_000), 253_402_300_799_999)
  let day = 86_400_000 as Int64
  let days = (milliseconds >= 0 ? milliseconds : milliseconds - day + 1) / day
  let rest = milliseconds - days * day
  let (year, month, dayOfMonth) = civil(days)
  func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
  let thousandths = String(1000 + rest % 1000).dropFirst()
  return "\(String(repeating: "0", count: max(0, 4 - "\(year)".count)))\(year)-\(two(month))-"
    + "\(two(dayOfMonth))T\(two(rest / 3_600_000)):\(two(rest / 60_000 % 60)):"
    + "\(two(rest / 1000 % 60)).\(thousandths)Z"
}

/// The date of a day counted from 1970-01-01, by eras of 400 years that begin on a first of March.
private func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
  let shifted = days + 719_468
  let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
  let dayOfEra = shifted - era * 146_097
  let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
  let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
  let shiftedMonth = (5 * dayOfYear + 2) / 153
  let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
}
