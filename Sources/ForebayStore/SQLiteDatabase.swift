import CSQLite
import Glibc

/// One SQLite connection. Whoever opened it uses it, one thread at a time.
final class SQLiteDatabase {
  let path: String
  private let handle: OpaquePointer
  /// Pages in the write-ahead log after the last commit. SQLite's hook writes it.
  private let logPages: UnsafeMutablePointer<Int>

  enum Access { case readOnly, readWrite }

  /// Opens what exists; creating a file is `StoreFile`'s matter, which knows modes and directories.
  init(path: String, access: Access) throws(StoreError) {
    let flags: Int32
    switch access {
    case .readOnly: flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    case .readWrite: flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    }
    var opened: OpaquePointer?
    let code = sqlite3_open_v2(path, &opened, flags, nil)
    guard let opened else { throw StoreError(.other, path, "out of memory") }
    guard code == SQLITE_OK else {
      let error = storeError(opened, code, path)
      sqlite3_close_v2(opened)
      throw error
    }
    self.path = path
    handle = opened
    logPages = .allocate(capacity: 1)
    logPages.initialize(to: 0)
  }

  deinit {
    // v2: waits for statements that are still to be finalized.
    sqlite3_close_v2(handle)
    logPages.deallocate()
  }

  /// Runs statements that return nothing of interest.
  func execute(_ sql: String) throws(StoreError) {
    let code = sqlite3_exec(handle, sql, nil, nil, nil)
    guard code == SQLITE_OK else { throw error(code) }
  }

  func prepare(_ sql: String) throws(StoreError) -> SQLiteStatement {
    var statement: OpaquePointer?
    let code = sqlite3_prepare_v3(
      handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
    guard code == SQLITE_OK, let statement else { throw error(code) }
    return SQLiteStatement(statement, of: self)
  }

  /// The first column of the first row; nil if there is no row or it is NULL.
  func integer(_ sql: String) throws(StoreError) -> Int64? {
    let statement = try prepare(sql)
    guard try statement.step(), !statement.isNull(0) else { return nil }
    return statement.integer(0)
  }

  func text(_ sql: String) throws(StoreError) -> String {
    let statement = try prepare(sql)
    return try statement.step() ? statement.text(0) : ""
  }

  /// Ends a transaction that failed. SQLite has already done so for some errors.
  func rollBackIfNeeded() {
    if sqlite3_get_autocommit(handle) == 0 { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
  }

  func waitWhenBusy(milliseconds: Int32) { sqlite3_busy_timeout(handle, milliseconds) }

  /// True when the path no longer leads to the open file: what is written now, nobody will find.
  var hasMoved: Bool {
    var moved: Int32 = 0
    let code = sqlite3_file_control(handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved)
    return code == SQLITE_OK && moved != 0
  }

  func error(_ code: Int32) -> StoreError { storeError(handle, code, path) }
}

// The write-ahead log.
extension SQLiteDatabase {
  /// Makes checkpoints the caller's business and `pagesInLog` known.
  func watchLog() {
    sqlite3_wal_hook(handle, noteLogPages, logPages)
  }

  var pagesInLog: Int { logPages.pointee }

  enum Checkpoint {
    /// Moves what can be moved and waits for nobody.
    case passive
    /// Waits for readers, moves everything and shortens the log to nothing.
    case truncate
  }

  /// True if everything in the log is in the database now.
  func checkpoint(_ mode: Checkpoint) throws(StoreError) -> Bool {
    var pages: Int32 = 0
    var moved: Int32 = 0
    let flag: Int32
    switch mode {
    case .passive: flag = SQLITE_CHECKPOINT_PASSIVE
    case .truncate: flag = SQLITE_CHECKPOINT_TRUNCATE
    }
    let code = sqlite3_wal_checkpoint_v2(handle, "main", flag, &pages, &moved)
    guard code & 0xff != SQLITE_BUSY else { return false }
    guard code == SQLITE_OK else { throw error(code) }
    if pages == moved { logPages.pointee = 0 }
    return pages == moved
  }
}

private func noteLogPages(
  _ context: UnsafeMutableRawPointer?, _ database: OpaquePointer?,
  _ name: UnsafePointer<CChar>?, _ pages: Int32
) -> Int32 {
  context?.assumingMemoryBound(to: Int.self).pointee = Int(pages)
  return SQLITE_OK
}

/// A prepared statement. It keeps its connection open.
final class SQLiteStatement {
  private let handle: OpaquePointer
  private let database: SQLiteDatabase

  fileprivate init(_ handle: OpaquePointer, of database: SQLiteDatabase) {
    self.handle = handle
    self.database = database
  }

  deinit { sqlite3_finalize(handle) }

  /// True if there is a row.
  func step() throws(StoreError) -> Bool {
    let code = sqlite3_step(handle)
    if code == SQLITE_DONE { return false }
    if code == SQLITE_ROW { return true }
    // The message belongs to the step: read it before the reset.
    let error = database.error(code)
    sqlite3_reset(handle)
    throw error
  }

  /// Runs a statement that returns no row, and makes it ready for its next use.
  func run() throws(StoreError) {
    let code = sqlite3_step(handle)
    guard code == SQLITE_DONE else {
      let error = database.error(code)
      sqlite3_reset(handle)
      throw error
    }
    sqlite3_reset(handle)
  }

  func reset() { sqlite3_reset(handle) }

  // A binding fails only for a wrong index or no memory; the step that follows then fails or the
  // NOT NULL of the column does, so the result need not be looked at here.
  func bind(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(handle, index, value) }
  func bindNull(_ index: Int32) { sqlite3_bind_null(handle, index) }
  /// The bytes must stay as they are until the statement has run.
  func bind(_ index: Int32, borrowing bytes: UnsafeRawBufferPointer) {
    guard bytes.count > 0, let base = bytes.baseAddress else {
      // A null pointer would be bound as NULL.
      sqlite3_bind_zeroblob(handle, index, 0)
      return
    }
    sqlite3_bind_blob64(handle, index, base, UInt64(bytes.count), nil)
  }

  func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }
  func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
  func text(_ column: Int32) -> String {
    sqlite3_column_text(handle, column).map { String(cString: $0) } ?? ""
  }
  /// Valid until the next step or reset.
  func bytes(_ column: Int32) -> UnsafeRawBufferPointer {
    let base = sqlite3_column_blob(handle, column)
    return UnsafeRawBufferPointer(start: base, count: Int(sqlite3_column_bytes(handle, column)))
  }
}

private func storeError(_ handle: OpaquePointer, _ code: Int32, _ path: String) -> StoreError {
  let systemError = sqlite3_system_errno(handle)
  let kind: StoreError.Kind
  switch code & 0xff {
  case SQLITE_FULL: kind = .full
  // Where SQLite extends its shared index or the like, a full disk comes as an I/O error.
  case SQLITE_IOERR:
    kind = systemError == ENOSPC || systemError == EDQUOT ? .full : .inputOutput
  case SQLITE_CORRUPT, SQLITE_NOTADB: kind = .corrupt
  case SQLITE_BUSY, SQLITE_LOCKED: kind = .busy
  case SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_PERM: kind = .cannotOpen
  default: kind = .other
  }
  var detail = String(cString: sqlite3_errmsg(handle))
  switch kind {
  case .inputOutput, .cannotOpen, .full:
    if systemError != 0 { detail += " (\(describe(errno: systemError)))" }
  case .unusableDirectory, .notAStore, .newerSchema, .inUse, .corrupt, .busy, .moved, .closed,
    .other:
    break
  }
  return StoreError(kind, path, "\(detail) [SQLite \(code)]")
}

/// The system's words for an error number.
func describe(errno code: Int32) -> String { String(cString: strerror(code)) }
