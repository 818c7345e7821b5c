import ForebayWire
import FuzzSupport
import Glibc
import TestFolder

@testable import ForebayStore

/// A journal's rows that somebody else has written, with any values and types: reading, counting and
/// printing them never stops the process. JSON comes out as one valid line, and what is printed for a
/// terminal holds nothing that a terminal obeys.
enum JournalFuzz: FuzzTarget {
  static let name = "journal"
  private static let rowsMax = 6

  static func problem(with input: UnsafeRawBufferPointer) -> String? {
    do throws(StoreError) {
      return try JournalStage.shared.play(input)
    } catch {
      // A file that can't be read is said to be one.
      return nil
    }
  }

  /// A file whose tables take any type, as an older SQLite would have left them.
  private final class JournalStage {
    nonisolated(unsafe) static let shared = JournalStage()
    private let folder = TestFolder("fuzz")
    private let database: SQLiteDatabase
    private let output: Int32

    init() {
      let path = folder.file("journal.db")
      close(open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600))
      output = open(folder.file("printed"), O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
      do throws(StoreError) {
        database = try SQLiteDatabase(path: path, access: .readWrite)
        try database.execute("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF")
        try database.execute(
          """
          CREATE TABLE messages (id INTEGER PRIMARY KEY, received_at_ms, tag, sequence, lane,
            extensions, payload);
          CREATE TABLE journal (highest_deleted_id);
          INSERT INTO journal VALUES (0);
          PRAGMA application_id = \(JournalSchema.applicationID);
          PRAGMA user_version = \(JournalSchema.version);
          """)
      } catch {
        brokenInvariant("no journal to play with: \(error)")
      }
    }

    func play(_ bytes: UnsafeRawBufferPointer) throws(StoreError) -> String? {
      var input = FuzzInput(bytes)
      try database.execute("BEGIN; DELETE FROM messages")
      var rows = 0
      while !input.isEmpty, rows < rowsMax {
        // An id that is there already is refused, and no more than that.
        do throws(StoreError) { try insert(&input) } catch {}
        rows += 1
      }
      try database.execute("COMMIT")
      let reader = try JournalReader(path: database.path)
      _ = try reader.statistics()
      _ = try reader.firstID(ofLast: 2)
      for record in try reader.records(from: .min, limit: rowsMax) {
        if let problem = try printed(record) { return problem }
      }
      return nil
    }

    /// A value of any of SQLite's types for each column.
    private func insert(_ input: inout FuzzInput) throws(StoreError) {
      let types = input.byte()
      let forms = ["?", "CAST(? AS TEXT)", "CAST(? AS REAL)", "NULLIF(?, NULL)"]
      let columns = (0..<6).map { column in
        types >> UInt8(column) & 1 == 1 ? forms[input.below(forms.count)] : "?"
      }
      let statement = try database.prepare(
        "INSERT INTO messages VALUES (?, \(columns.joined(separator: ", ")))")
      statement.bind(1, Int64(bitPattern: input.number()))
      statement.bind(2, Int64(bitPattern: input.number() &* 86_400_000))
      let tag = Array(input.take(types & 64 == 0 ? 16 : input.below(40)))
      statement.bind(4, Int64(bitPattern: input.number()))
      statement.bind(5, Int64(bitPattern: input.number()))
      let extensions = Array(input.take(input.below(64)))
      let payload = Array(input.take(input.below(64)))
      // Bytes must stay where they are until the statement has run.
      let parts = [(3, tag), (6, extensions), (7, payload)]
      var failure: StoreError?
      bind(parts[...], to: statement) {
        do throws(StoreError) { try statement.run() } catch { failure = error }
      }
      if let failure { throw failure }
    }

    private func bind(
      _ parts: ArraySlice<(Int, [UInt8])>, to statement: SQLiteStatement, _ body: () -> Void
    ) {
      guard let (index, bytes) = parts.first else { return body() }
      bytes.withUnsafeBytes {
        statement.bind(Int32(index), borrowing: $0)
        bind(parts.dropFirst(), to: statement, body)
      }
    }

    private func printed(_ record: JournalRecord) throws(StoreError) -> String? {
      let json = try text(record, .json)
      if json.last != UInt8(ascii: "\n") || !JSONCheck.isValid(json.dropLast()) {
        return "no JSON: \(String(decoding: json, as: UTF8.self).debugDescription)"
      }
      if json.dropLast().contains(UInt8(ascii: "\n")) { return "JSON on several lines" }
      _ = try text(record, .payload(escapesControls: false))
      for format in [JournalFormat.payload(escapesControls: true), .keyed(escapesControls: true)] {
        let shown = try text(record, format).dropLast()
        let pairs = zip(shown, shown.dropFirst())
        let obeys =
          shown.contains { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f }
          || pairs.contains { $0 == 0xc2 && (0x80..<0xa0) ~= $1 }
        if obeys { return "a terminal would obey \(Array(shown))" }
      }
      return nil
    }

    private func text(
      _ record: JournalRecord, _ format: JournalFormat
    ) throws(StoreError) -> [UInt8] {
      ftruncate(output, 0)
      lseek(output, 0, SEEK_SET)
      let buffer = OutputBuffer(descriptor: output)
      try buffer.append(record, as: format)
      try buffer.flush()
      var bytes = [UInt8](repeating: 0, count: Int(lseek(output, 0, SEEK_CUR)))
      let count = bytes.withUnsafeMutableBytes { pread(output, $0.baseAddress!, $0.count, 0) }
      invariant(count == bytes.count, "what was printed can't be read")
      return bytes
    }
  }
}
