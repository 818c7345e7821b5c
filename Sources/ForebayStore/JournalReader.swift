package import ForebayWire
import Glibc

/// One message as the journal has it.
package struct JournalRecord: Equatable, Sendable {
  package let id: Int64
  package let receivedAtMilliseconds: Int64
  package let tag: ID128
  package let sequence: UInt64
  package let lane: UInt8
  /// The TLV area of the frame, as it came.
  package let extensions: [UInt8]
  package let payload: [UInt8]
}

/// Reads a journal while the daemon may be writing it. It changes nothing in it.
///
/// Every call is a read transaction of its own and a short one: a long one would keep the daemon from
/// emptying its write-ahead log.
package final class JournalReader {
  package let path: String
  private let database: SQLiteDatabase
  private let page: SQLiteStatement

  /// Payload bytes in one page, beyond which it ends early.
  static let pageBytesMax = 4 * 1024 * 1024
  static let pageRecordsMax = 1000

  package init(path: String) throws(StoreError) {
    let file = try StoreFile(path: path)
    self.path = file.path
    guard access(file.path, F_OK) == 0 else {
      throw StoreError(.cannotOpen, path, "there is no journal: \(describe(errno: errno))")
    }
    database = try SQLiteDatabase(path: file.path, access: .readOnly)
    database.waitWhenBusy(milliseconds: 5000)
    let schema = try JournalSchema.check(database)
    guard schema == JournalSchema.version else {
      throw StoreError(
        .notAStore, path,
        schema == 0
          ? "is empty; a daemon makes a journal of it when it starts"
          : "is a journal of schema \(schema); a daemon brings it up to date when it starts")
    }
    page = try database.prepare("SELECT * FROM messages WHERE id >= ? ORDER BY id LIMIT ?")
  }

  /// The next messages from `id` on, at most `limit`, fewer where they are large; none at the end.
  package func records(from id: Int64, limit: Int) throws(StoreError) -> [JournalRecord] {
    page.bind(1, id)
    page.bind(2, Int64(min(limit, Self.pageRecordsMax)))
    defer { page.reset() }
    var records: [JournalRecord] = []
    var bytes = 0
    while bytes < Self.pageBytesMax, try page.step() {
      let record = read(page)
      bytes += record.payload.count
      records.append(record)
    }
    return records
  }

  private func read(_ row: SQLiteStatement) -> JournalRecord {
    JournalRecord(
      id: row.integer(0), receivedAtMilliseconds: row.integer(1), tag: tag(row.bytes(2)),
      sequence: UInt64(bitPattern: row.integer(3)),
      lane: UInt8(truncatingIfNeeded: row.integer(4)), extensions: Array(row.bytes(5)),
      payload: Array(row.bytes(6)))
  }

  /// From which id on the last `count` messages are; where there are none, the next that will come.
  package func firstID(ofLast count: Int) throws(StoreError) -> Int64 {
    let found =
      count > 0
      ? try database.integer(
        "SELECT id FROM messages ORDER BY id DESC LIMIT 1 OFFSET \(count - 1)") : nil
    if let found { return found }
    let next = try database.integer(
      """
      SELECT max(ifnull((SELECT max(id) FROM messages), 0), highest_deleted_id) + 1 FROM journal
      """)
    return count > 0 ? 1 : next ?? 1
  }

  /// The daemon has begun a new file at this path, or somebody has removed this one.
  package var hasMoved: Bool { database.hasMoved }
}

// Counting.
extension JournalReader {
  private static let scanned = """
    SELECT id, received_at_ms, tag, sequence, length(extensions), length(payload)
    FROM messages WHERE id > ? ORDER BY id LIMIT 10000
    """

  /// Looks at every message, though not at its payload.
  package func statistics() throws(StoreError) -> JournalStatistics {
    var result = JournalStatistics(
      schema: JournalSchema.version, fileBytes: size(path), logBytes: size(path + "-wal"))
    var origins: [ID128: SequenceSet] = [:]
    let rows = try database.prepare(Self.scanned)
    while true {
      let before = result.messages
      rows.bind(1, result.lastID ?? 0)
      while try rows.step() {
        let tag = tag(rows.bytes(2))
        let isNew = origins[tag, default: SequenceSet()].insert(
          UInt64(bitPattern: rows.integer(3)))
        result.count(
          id: rows.integer(0), receivedAt: rows.integer(1), isDuplicate: !isNew,
          extensionBytes: rows.integer(4), payloadBytes: rows.integer(5))
      }
      rows.reset()
      if result.messages == before { break }
    }
    result.origins = origins.count
    return result
  }
}

private func size(_ path: String) -> Int64 {
  var status = stat()
  return stat(path, &status) == 0 ? Int64(status.st_size) : 0
}

/// Sixteen bytes; what has another length was not written by us, and stands for nobody.
private func tag(_ bytes: UnsafeRawBufferPointer) -> ID128 {
  guard bytes.count == 16, let base = bytes.baseAddress else { return ID128(high: 0, low: 0) }
  return ID128(high: base.big64(0), low: base.big64(8))
}
