/// The journal's limits. Each has a default that suits the daemon's.
package struct JournalOptions: Sendable, Equatable {
  /// Bytes of frames in one batch; at least the route's largest frame.
  package var batchBytes = 512 * 1024
  /// Batches that exist. With `batchBytes` this bounds the copies (8 MiB), and so one transaction.
  package var batchesMax = 16
  /// Runs in one batch: one each for more clients than share a flush.
  package var batchSegments = 256
  /// The main file's largest size; nil for no limit but the disk's. The write-ahead log comes on top.
  package var bytesMax: Int?
  /// The log is moved into the file when it has this many pages of 4 KiB.
  package var checkpointPages = 1000
  /// Where a reader keeps an old view open, the log can't be emptied and grows. From here on
  /// nothing is written until it can: better that than a full disk for everybody.
  package var logBytesMax = 64 * 1024 * 1024
  /// After this long without work, what is in the log is moved into the file.
  package var quietMilliseconds = 1000
  /// How long to wait for another program that has the file locked, say to delete rows.
  package var busyMilliseconds: Int32 = 5000

  package init() {}
}
