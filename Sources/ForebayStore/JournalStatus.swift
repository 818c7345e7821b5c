/// How the journal is doing: counters since it was opened, and what is wrong now.
package struct JournalStatus: Equatable, Sendable {
  /// Transactions on disk. Under load there are fewer of them than batches: that is group commit.
  package var commits: UInt64 = 0
  package var batches: UInt64 = 0
  package var messages: UInt64 = 0
  /// Of the frames, before SQLite.
  package var bytes: UInt64 = 0
  package var batchesFailed: UInt64 = 0
  package var checkpoints: UInt64 = 0
  /// Time between taking a group and having it on disk.
  package var commitNanoseconds: UInt64 = 0
  package var commitNanosecondsMax: UInt64 = 0
  package var logBytes: Int = 0
  /// Batches submitted and not yet reported.
  package var batchesWaiting: Int = 0
  /// Why the last group failed; nil once one has succeeded.
  package var failure: StoreError?

  package init() {}
}

/// What became of a batch.
package enum JournalResult: Equatable, Sendable {
  /// On disk: it survives the end of the process and of the machine.
  case committed
  /// Not written, or, rarely, written without our knowing (an I/O error in the commit itself). It may
  /// be submitted again at any time; whoever reads can tell a duplicate by (tag, sequence).
  case failed(StoreError)
}
