import ForebayWire
import Glibc

// What `forebayctl journal` does, without its command line.

/// Prints messages from `from` on, oldest first.
package func printJournal(
  _ reader: JournalReader, from: Int64 = 1, limit: Int = .max, as format: JournalFormat,
  to output: OutputBuffer
) throws(StoreError) {
  var next = from
  _ = try printPages(reader, from: &next, limit: limit, as: format, to: output)
  try output.flush()
}

/// Prints the last `count` messages, and then, until `shouldStop`, what comes. When the daemon begins a
/// new file at the path (the old one was corrupt, or moved away), goes on with that.
package func followJournal(
  path: String, last count: Int, as format: JournalFormat, to output: OutputBuffer,
  pollMilliseconds: UInt32 = 200, shouldStop: () -> Bool
) throws(StoreError) {
  var reader = try JournalReader(path: path)
  var next = try reader.firstID(ofLast: count)
  while true {
    let printed = try printPages(reader, from: &next, limit: .max, as: format, to: output)
    try output.flush()
    if shouldStop() { return }
    if printed > 0 { continue }
    if reader.hasMoved, access(path, F_OK) == 0, let replaced = try reopen(path) {
      reader = replaced
      next = 1
    }
    usleep(pollMilliseconds * 1000)
  }
}

/// Nil while the daemon is still making the file.
private func reopen(_ path: String) throws(StoreError) -> JournalReader? {
  do throws(StoreError) {
    return try JournalReader(path: path)
  } catch {
    switch error.kind {
    case .notAStore, .cannotOpen, .busy: return nil
    case .unusableDirectory, .newerSchema, .inUse, .full, .corrupt, .inputOutput, .moved, .closed,
      .other:
      throw error
    }
  }
}

private func printPages(
  _ reader: JournalReader, from next: inout Int64, limit: Int, as format: JournalFormat,
  to output: OutputBuffer
) throws(StoreError) -> Int {
  var printed = 0
  while printed < limit {
    let page = try reader.records(from: next, limit: limit - printed)
    guard let last = page.last else { break }
    for record in page { try output.append(record, as: format) }
    printed += page.count
    guard last.id < .max else { break }
    next = last.id + 1
  }
  return printed
}

/// Prints what the journal holds: as a table, or as one JSON object.
package func printStatistics(
  _ reader: JournalReader, asJSON: Bool, to output: OutputBuffer
) throws(StoreError) {
  let statistics = try reader.statistics()
  output.append(
    asJSON ? json(statistics, path: reader.path) : table(statistics, path: reader.path))
  try output.flush()
}

private func table(_ statistics: JournalStatistics, path: String) -> String {
  func range(_ first: String?, _ last: String?) -> String {
    guard let first, let last else { return "none" }
    return "\(first) to \(last)"
  }
  let rows = [
    ("journal", "\(path), schema \(statistics.schema)"),
    ("messages", "\(statistics.messages)"),
    ("ids", range(statistics.firstID.map(String.init), statistics.lastID.map(String.init))),
    (
      "received",
      range(
        statistics.firstReceivedAtMilliseconds.map(timestamp),
        statistics.lastReceivedAtMilliseconds.map(timestamp))
    ),
    ("origins", "\(statistics.origins)"),
    ("duplicates", "\(statistics.duplicates)"),
    ("payload", "\(statistics.payloadBytes) bytes"),
    ("extensions", "\(statistics.extensionBytes) bytes"),
    ("file", "\(statistics.fileBytes) bytes, and \(statistics.logBytes) in the write-ahead log"),
  ]
  return rows.map { name, value in
    name + String(repeating: " ", count: 12 - name.count) + value + "\n"
  }.joined()
}

private func json(_ statistics: JournalStatistics, path: String) -> String {
  func number(_ value: Int64?) -> String { value.map(String.init) ?? "null" }
  func time(_ value: Int64?) -> String { value.map { "\"\(timestamp($0))\"" } ?? "null" }
  return "{\"path\":\(JSONString.quoted(path)),\"schema\":\(statistics.schema)"
    + ",\"messages\":\(statistics.messages),\"duplicates\":\(statistics.duplicates)"
    + ",\"origins\":\(statistics.origins)"
    + ",\"first_id\":\(number(statistics.firstID)),\"last_id\":\(number(statistics.lastID))"
    + ",\"first_received_at\":\(time(statistics.firstReceivedAtMilliseconds))"
    + ",\"last_received_at\":\(time(statistics.lastReceivedAtMilliseconds))"
    + ",\"payload_bytes\":\(statistics.payloadBytes)"
    + ",\"extension_bytes\":\(statistics.extensionBytes)"
    + ",\"file_bytes\":\(statistics.fileBytes),\"log_bytes\":\(statistics.logBytes)}\n"
}
