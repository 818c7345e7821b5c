import ForebayWire

/// The embedded upstream: an SQLite file to which a thread of its own appends messages.
///
/// All methods are the loop thread's, and none but `init` and `close` waits for the disk. A batch goes
///
///     takeBatch ─▶ append … ─▶ submit ─▶ (the journal's thread) ─▶ wake ─▶ drainCompletions ─▶ free again
///
/// **Order.** Batches are written in the order of submission. When one fails, all that were submitted
/// or merely taken before the loop thread was told fail too, so nothing overtakes what must be sent
/// again: the first failure that `drainCompletions` hands over means that every batch outstanding has
/// failed, and a batch still being filled will.
///
/// **Truth.** `.committed` follows the disk's own acknowledgement. After a crash the file may hold
/// messages whose commit was never reported; their senders send them again, and the two rows agree in
/// tag and sequence.
package final class Journal {
  private let path: String
  private let options: JournalOptions
  private let exchange: Monitor<JournalExchange>
  private let wake: @Sendable () -> Void
  private let thread: WorkerThread
  private var lock: StoreLock?

  private var free: [JournalBatch] = []
  private var batchesMade = 0
  private var drained: [JournalExchange.Completion] = []
  private var isDraining = false
  private var failuresKnown: UInt64 = 0

  /// Opens or creates the file; this waits for the disk. `wake` is called, mostly on the journal's
  /// thread, when `drainCompletions` or `drainNotices` will find something; it must work until
  /// `close` has returned.
  package init(
    path: String, options: JournalOptions = JournalOptions(), wake: @escaping @Sendable () -> Void
  ) throws(StoreError) {
    invariant(
      options.batchBytes >= WireLimits.dataFixedBytes && options.batchesMax >= 1
        && options.batchSegments >= 1, "a journal without room for a message")
    let file = try StoreFile(path: path)
    try file.checkDirectory()
    let lock = try StoreLock(file)
    let exchange = Monitor(JournalExchange(options))
    let started = WorkerThread.start(name: "forebay-journal") {
      JournalWriter.run(file, options, exchange, wake)
    }
    guard let started else { throw StoreError(.other, path, "the system gives it no thread") }
    if case .failure(let error)? = exchange.wait(for: { $0.opening }) {
      started.join()
      throw error
    }
    self.path = file.path
    self.options = options
    self.exchange = exchange
    self.wake = wake
    self.lock = lock
    thread = started
    free.reserveCapacity(options.batchesMax)
    drained.reserveCapacity(options.batchesMax)
  }

  deinit { close() }

  /// An empty batch; nil while all are on their way.
  package func takeBatch() -> JournalBatch? {
    if free.isEmpty {
      guard batchesMade < options.batchesMax else { return nil }
      batchesMade += 1
      free.append(
        JournalBatch(
          byteCapacity: options.batchBytes, segmentCapacity: options.batchSegments))
    }
    let batch = free.removeLast()
    batch.failuresKnown = failuresKnown
    return batch
  }

  /// Gives back a batch that will not be submitted.
  package func discard(_ batch: JournalBatch) {
    batch.empty()
    free.append(batch)
  }

  /// Hands the batch to the journal's thread. Its completion always comes, by `drainCompletions`.
  package func submit(_ batch: JournalBatch) {
    invariant(!batch.isEmpty, "an empty batch was submitted to the journal")
    let closed = StoreError(.closed, path, "the journal is closed")
    switch exchange.change({ $0.submit(batch, closed: closed) }) {
    case .queued: break
    case .refused: wake()
    }
  }

  /// Hands over what is finished, in the order of submission. `body` may read the batch, take and
  /// submit others; the batch is used again afterwards.
  package func drainCompletions(_ body: (JournalBatch, JournalResult) -> Void) {
    invariant(!isDraining, "the journal's completions were drained while being drained")
    isDraining = true
    failuresKnown = exchange.withLock { $0.takeCompletions(&drained) }
    for completion in drained {
      body(completion.batch, completion.result)
      discard(completion.batch)
    }
    drained.removeAll(keepingCapacity: true)
    isDraining = false
  }

  /// What happened to the file since the last call, for the log.
  package func drainNotices() -> [JournalNotice] { exchange.withLock { $0.takeNotices() } }

  package var status: JournalStatus { exchange.withLock { $0.status } }

  /// Writes what was submitted, empties the log into the file and ends the thread; this waits for the
  /// disk. What came of the last batches is there to be drained afterwards.
  package func close() {
    guard lock != nil else { return }
    exchange.change { $0.close() }
    thread.join()
    lock = nil
  }
}
