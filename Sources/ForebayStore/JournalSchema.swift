/// What a journal file contains, and how one of an earlier version becomes one of this.
enum JournalSchema {
  /// "FBJL", in the file's header at byte 68: what tells `file` and us that it is a journal.
  static let applicationID: Int64 = 0x4642_4a4c
  static let version: Int64 = Int64(steps.count)

  /// The step at index n makes version n + 1 of version n; 0 is an empty file.
  ///
  /// `messages` has no key but its id: an index on (tag, sequence) would cost a second tree of writes
  /// for each message. After a crash between a commit and its receipt the client sends the messages
  /// again, so one (tag, sequence) may have two rows; `forebayctl journal stats` counts them.
  ///
  /// Ids never come back, even if the newest rows are deleted and the daemon restarts, so that
  /// whoever reads on "from the last id" misses nothing. AUTOINCREMENT would promise the same for
  /// another table write with every insert; the trigger costs only those who delete.
  private static let steps = [
    """
    CREATE TABLE messages (
      id INTEGER PRIMARY KEY,
      received_at_ms INTEGER NOT NULL,
      tag BLOB NOT NULL,
      sequence INTEGER NOT NULL,
      lane INTEGER NOT NULL,
      extensions BLOB,
      payload BLOB NOT NULL
    ) STRICT;
    CREATE TABLE journal (highest_deleted_id INTEGER NOT NULL) STRICT;
    INSERT INTO journal VALUES (0);
    CREATE TRIGGER ids_never_return AFTER DELETE ON messages
    WHEN NOT EXISTS (SELECT 1 FROM messages WHERE id > old.id)
    BEGIN
      UPDATE journal SET highest_deleted_id = max(highest_deleted_id, old.id);
    END;
    """
  ]

  enum Check: Equatable {
    case current
    case migrated(from: Int64)
  }

  /// Makes the file's schema this version's, or says why it can't be.
  static func bringUpToDate(_ database: SQLiteDatabase) throws(StoreError) -> Check {
    let found = try check(database)
    guard found < version else { return .current }
    do throws(StoreError) {
      try database.execute("BEGIN IMMEDIATE")
      for step in steps[Int(found)...] { try database.execute(step) }
      try database.execute("PRAGMA application_id = \(applicationID)")
      try database.execute("PRAGMA user_version = \(version)")
      try database.execute("COMMIT")
    } catch {
      database.rollBackIfNeeded()
      throw error
    }
    return .migrated(from: found)
  }

  /// The file's version, if it is a journal that this program can read.
  static func check(_ database: SQLiteDatabase) throws(StoreError) -> Int64 {
    let application = try database.integer("PRAGMA application_id") ?? 0
    let found = try database.integer("PRAGMA user_version") ?? 0
    if application == 0 && found == 0 {
      let tables = try database.integer("SELECT count(*) FROM sqlite_schema") ?? 0
      guard tables == 0 else { throw foreign(database.path) }
      return 0
    }
    guard application == applicationID, found >= 0 else { throw foreign(database.path) }
    guard found <= version else {
      throw StoreError(
        .newerSchema, database.path,
        "is a journal of schema \(found); this program knows schemas up to \(version). "
          + "Use the Forebay that wrote it, or a newer one")
    }
    return found
  }

  private static func foreign(_ path: String) -> StoreError {
    StoreError(.notAStore, path, "is an SQLite database of another program, not a journal")
  }
}
