import CSQLite
import ForebayWire

/// What opening a journal did beyond opening it, for the daemon's log.
package enum JournalNotice: Equatable, Sendable {
  case created
  /// There was a write-ahead log without its file. It may hold messages, and lies under the new name.
  case logSetAside(path: String)
  case migrated(from: Int64, to: Int64)
  /// Others could read the file.
  case modeTightened(from: UInt32)
  /// The file was corrupt; it lies under the new name, and an empty journal was begun.
  case quarantined(path: String, reason: String)
  /// Writing works again after the file had to be opened anew.
  case reopened
}

/// The journal's open file, ready to write. The journal's thread alone uses it.
final class JournalConnection {
  private let file: StoreFile
  let database: SQLiteDatabase
  private let insert: SQLiteStatement
  private let begin: SQLiteStatement
  private let commit: SQLiteStatement
  private let logPagesMax: Int
  private var nextID: Int64

  static let pageBytes = 4096

  /// Opens the file, creating, migrating or quarantining it as needed. `isSuspect`: a write found the
  /// file corrupt, although opening it may not.
  static func open(
    _ file: StoreFile, _ options: JournalOptions, isSuspect: Bool,
    _ note: (JournalNotice) -> Void
  ) throws(StoreError) -> JournalConnection {
    switch try file.prepare() {
    case .created(let orphan):
      if let orphan { note(.logSetAside(path: orphan)) }
      note(.created)
    case .existing: break
    case .tightened(let mode): note(.modeTightened(from: mode))
    }
    let reason: StoreError
    if isSuspect {
      reason = StoreError(.corrupt, file.path, "a write found the file corrupt")
    } else {
      do throws(StoreError) {
        return try JournalConnection(file, options, note)
      } catch {
        guard error.kind == .corrupt else { throw error }
        reason = error
      }
    }
    guard file.isPlausiblyOurs(applicationID: JournalSchema.applicationID) else {
      throw StoreError(
        .notAStore, file.path, "is not a journal, nor anything that was one; it is left alone")
    }
    note(.quarantined(path: try file.quarantine(), reason: reason.detail))
    _ = try file.prepare()
    return try JournalConnection(file, options, note)
  }

  private init(
    _ file: StoreFile, _ options: JournalOptions, _ note: (JournalNotice) -> Void
  ) throws(StoreError) {
    self.file = file
    database = try SQLiteDatabase(path: file.path, access: .readWrite)
    database.waitWhenBusy(milliseconds: options.busyMilliseconds)
    try database.execute("PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY")
    try database.execute("PRAGMA page_size = \(Self.pageBytes)")
    switch try JournalSchema.bringUpToDate(database) {
    case .current, .migrated(from: 0): break
    case .migrated(let old): note(.migrated(from: old, to: JournalSchema.version))
    }
    guard try database.text("PRAGMA journal_mode = WAL") == "wal" else {
      throw StoreError(
        .unusableDirectory, file.path, "its file system can't hold a write-ahead log")
    }
    try database.execute("PRAGMA synchronous = FULL")
    try Self.limit(database, options)
    logPagesMax = options.logBytesMax / Self.pageBytes
    (insert, nextID) = try Self.readLastID(database)
    begin = try database.prepare("BEGIN IMMEDIATE")
    commit = try database.prepare("COMMIT")
    // A log that an earlier process left, or one that an I/O error left in doubt, ends here: frames
    // behind a hole in it would be lost with the power although they were reported committed.
    database.watchLog()
    guard try database.checkpoint(.truncate) else {
      throw StoreError(.busy, file.path, "a reader keeps the old write-ahead log in use")
    }
  }

  private static func limit(
    _ database: SQLiteDatabase, _ options: JournalOptions
  ) throws(StoreError) {
    let pageBytes = Int(try database.integer("PRAGMA page_size") ?? Int64(Self.pageBytes))
    if let bytesMax = options.bytesMax {
      try database.execute("PRAGMA max_page_count = \(max(1, bytesMax / pageBytes))")
    }
    // An unusually long log gives its space back when it begins anew.
    try database.execute("PRAGMA journal_size_limit = \(options.checkpointPages * 2 * pageBytes)")
  }

  /// Also proves that the tables are there and that the end of the large one can be read.
  private static func readLastID(
    _ database: SQLiteDatabase
  ) throws(StoreError) -> (SQLiteStatement, Int64) {
    let tables = try database.integer(
      "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('messages', 'journal')")
    guard tables == 2 else {
      throw StoreError(.corrupt, database.path, "its tables are not a journal's")
    }
    let insert = try database.prepare("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?)")
    let last = try database.integer("SELECT max(id) FROM messages") ?? 0
    let deleted = try database.integer("SELECT highest_deleted_id FROM journal") ?? 0
    // We count up by one; only somebody else's row can come near the end.
    guard max(last, deleted) < .max / 2 else {
      throw StoreError(.other, database.path, "somebody inserted a message of id \(last)")
    }
    return (insert, max(last, deleted) + 1)
  }

  /// Writes the batches in one transaction. When this returns, they are on disk.
  func write(_ batches: [JournalBatch]) throws(StoreError) {
    if database.hasMoved { throw leaveMovedFile() }
    try keepLogBounded()
    let firstID = nextID
    do throws(StoreError) {
      try begin.run()
      for batch in batches {
        for segment in batch.segments { try write(segment, of: batch) }
      }
      try commit.run()
    } catch {
      database.rollBackIfNeeded()
      nextID = firstID
      throw error
    }
    // What nobody will find isn't committed.
    if database.hasMoved { throw leaveMovedFile() }
  }

  /// The file was removed or renamed under us. Its log and index still have the old names, where they
  /// would be taken for those of the next file; and SQLite won't empty the log at the close.
  private func leaveMovedFile() -> StoreError {
    do throws(StoreError) {
      guard try database.checkpoint(.truncate) else {
        return StoreError(
          .busy, file.path, "the file was removed or renamed, and a reader keeps its log in use")
      }
    } catch {
      return error
    }
    file.removeEmptiedLog()
    return StoreError(.moved, file.path, "the file was removed or renamed while in use")
  }

  private func write(
    _ segment: JournalBatch.Segment, of batch: JournalBatch
  ) throws(StoreError) {
    var tag = (segment.tag.high.bigEndian, segment.tag.low.bigEndian)
    insert.bind(2, segment.receivedAtMilliseconds)
    try withTag(&tag) { (bytes) throws(StoreError) in
      insert.bind(3, borrowing: bytes)
      try batch.forEachFrame(of: segment) { (frame) throws(StoreError) in
        insert.bind(1, nextID)
        // SQLite's integers are signed; the upper half of the sequences comes out negative there.
        insert.bind(4, Int64(bitPattern: frame.header.sequence))
        insert.bind(5, Int64(frame.header.lane))
        if frame.extensions.isEmpty {
          insert.bindNull(6)
        } else {
          insert.bind(6, borrowing: frame.extensions)
        }
        insert.bind(7, borrowing: frame.payload)
        try insert.run()
        nextID += 1
      }
    }
  }

  private func withTag(
    _ tag: inout (UInt64, UInt64), _ body: (UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError) {
    var failure: StoreError?
    withUnsafeBytes(of: &tag) { bytes in
      do throws(StoreError) { try body(bytes) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  private func keepLogBounded() throws(StoreError) {
    guard database.pagesInLog > logPagesMax else { return }
    guard try database.checkpoint(.truncate) else {
      throw StoreError(
        .full, database.path,
        "the write-ahead log is at its limit: another program has kept the file open for reading "
          + "too long")
    }
  }

  var pagesInLog: Int { database.pagesInLog }

  /// Moves the log into the file as far as readers allow.
  func checkpoint() throws(StoreError) { _ = try database.checkpoint(.passive) }
}
