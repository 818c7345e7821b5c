/// All that the loop thread and the journal's thread share. It lives behind one lock, which neither
/// holds while it does anything else.
struct JournalExchange {
  struct Completion {
    let batch: JournalBatch
    let result: JournalResult
  }

  private(set) var pending: [JournalBatch] = []
  private var completions: [Completion] = []
  private var notices: [JournalNotice] = []
  private(set) var status = JournalStatus()
  /// Grows with each failed group. A batch that was taken when fewer were known must fail as well.
  private var failures: UInt64 = 0
  private var failure: StoreError?
  private(set) var isClosing = false
  /// Set once, when the thread has opened the file or given up.
  private(set) var opening: Result<Void, StoreError>?

  init(_ options: JournalOptions) {
    pending.reserveCapacity(options.batchesMax)
    completions.reserveCapacity(options.batchesMax)
  }

  enum Submission: Equatable {
    case queued
    /// It has its result already.
    case refused
  }

  // The loop thread's side.

  mutating func submit(_ batch: JournalBatch, closed: StoreError) -> Submission {
    status.batchesWaiting += 1
    if isClosing {
      complete(batch, .failed(closed))
      return .refused
    }
    if batch.failuresKnown != failures, let failure {
      complete(batch, .failed(failure))
      return .refused
    }
    pending.append(batch)
    return .queued
  }

  /// Exchanges the completions for an empty list. Returns the number of failures that the loop thread
  /// knows of from now on.
  mutating func takeCompletions(_ empty: inout [Completion]) -> UInt64 {
    swap(&completions, &empty)
    status.batchesWaiting -= empty.count
    return failures
  }

  mutating func takeNotices() -> [JournalNotice] {
    let taken = notices
    notices = []
    return taken
  }

  mutating func close() { isClosing = true }

  // The journal's thread's side.

  mutating func opened(_ result: Result<Void, StoreError>, logBytes: Int) {
    opening = result
    status.logBytes = logBytes
  }

  mutating func note(_ notice: JournalNotice) { notices.append(notice) }

  /// Exchanges everything pending for an empty list; false if nothing is.
  mutating func takePending(_ empty: inout [JournalBatch]) -> Bool {
    guard !pending.isEmpty else { return false }
    swap(&pending, &empty)
    return true
  }

  mutating func committed(_ group: [JournalBatch], nanoseconds: UInt64, logBytes: Int) {
    for batch in group {
      status.batches += 1
      status.messages += UInt64(batch.messageCount)
      status.bytes += UInt64(batch.byteCount)
      complete(batch, .committed)
    }
    status.commits += 1
    status.commitNanoseconds += nanoseconds
    status.commitNanosecondsMax = max(status.commitNanosecondsMax, nanoseconds)
    status.logBytes = logBytes
    status.failure = nil
  }

  /// The group failed, and with it fails what was submitted behind it: were that written, a client's
  /// later messages would stand before its earlier ones.
  mutating func failed(_ group: [JournalBatch], _ error: StoreError) {
    failures += 1
    failure = error
    status.failure = error
    for batch in group { complete(batch, .failed(error)) }
    for batch in pending { complete(batch, .failed(error)) }
    pending.removeAll(keepingCapacity: true)
  }

  mutating func checkpointed(logBytes: Int) {
    status.checkpoints += 1
    status.logBytes = logBytes
  }

  private mutating func complete(_ batch: JournalBatch, _ result: JournalResult) {
    switch result {
    case .committed: break
    case .failed: status.batchesFailed += 1
    }
    completions.append(Completion(batch: batch, result: result))
  }
}
