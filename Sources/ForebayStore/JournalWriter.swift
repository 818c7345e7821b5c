import Glibc

/// What the journal's thread does: take all that is pending, write it in one transaction, report it,
/// and tidy the log when there is time.
struct JournalWriter {
  private let file: StoreFile
  private let options: JournalOptions
  private let exchange: Monitor<JournalExchange>
  private let wake: @Sendable () -> Void

  private var connection: JournalConnection?
  private var group: [JournalBatch] = []
  /// A write has found the file corrupt: it is not to be trusted even if it opens.
  private var isSuspect = false
  /// The log has pages that a quiet moment could move.
  private var hasUntidyLog = false

  /// The thread's whole life.
  static func run(
    _ file: StoreFile, _ options: JournalOptions, _ exchange: Monitor<JournalExchange>,
    _ wake: @escaping @Sendable () -> Void
  ) {
    var writer = JournalWriter(file, options, exchange, wake)
    guard writer.start() else { return }
    while writer.turn() {}
    writer.finish()
  }

  private init(
    _ file: StoreFile, _ options: JournalOptions, _ exchange: Monitor<JournalExchange>,
    _ wake: @escaping @Sendable () -> Void
  ) {
    self.file = file
    self.options = options
    self.exchange = exchange
    self.wake = wake
    group.reserveCapacity(options.batchesMax)
  }

  private mutating func start() -> Bool {
    do throws(StoreError) {
      let opened = try open()
      let logBytes = opened.pagesInLog * JournalConnection.pageBytes
      exchange.change { $0.opened(.success(()), logBytes: logBytes) }
      return true
    } catch {
      exchange.change { $0.opened(.failure(error), logBytes: 0) }
      return false
    }
  }

  private enum Work { case write, tidy, end }

  /// One turn; false when there will be no more.
  private mutating func turn() -> Bool {
    switch nextWork() {
    case .write: writeGroup()
    case .tidy: tidy()
    case .end: return false
    }
    return true
  }

  private mutating func nextWork() -> Work {
    let quiet = hasUntidyLog ? options.quietMilliseconds : nil
    let work = exchange.wait(milliseconds: quiet) { state -> Work? in
      if state.takePending(&group) { return .write }
      return state.isClosing ? .end : nil
    }
    return work ?? .tidy
  }

  private mutating func writeGroup() {
    let start = monotonicNanoseconds()
    do throws(StoreError) {
      let open = try openConnection()
      try open.write(group)
      let logPages = open.pagesInLog
      let elapsed = monotonicNanoseconds() - start
      exchange.withLock {
        $0.committed(
          group, nanoseconds: elapsed, logBytes: logPages * JournalConnection.pageBytes)
      }
      hasUntidyLog = logPages > 0
    } catch {
      forgetConnection(after: error)
      exchange.withLock { $0.failed(group, error) }
    }
    group.removeAll(keepingCapacity: true)
    wake()
    // After the report: nobody need wait for it.
    if let connection, connection.pagesInLog >= options.checkpointPages { tidy() }
  }

  private mutating func open() throws(StoreError) -> JournalConnection {
    let opened = try JournalConnection.open(file, options, isSuspect: isSuspect) { notice in
      exchange.withLock { $0.note(notice) }
    }
    isSuspect = false
    connection = opened
    return opened
  }

  private mutating func openConnection() throws(StoreError) -> JournalConnection {
    if let connection { return connection }
    try file.checkDirectory()
    let opened = try open()
    exchange.withLock { $0.note(.reopened) }
    return opened
  }

  /// A full disk and another program's lock pass by themselves. Whatever else went wrong, the file is
  /// opened anew, with all its checks, when the next batch comes.
  private mutating func forgetConnection(after error: StoreError) {
    switch error.kind {
    case .full, .busy: return
    case .corrupt: isSuspect = true
    case .unusableDirectory, .notAStore, .newerSchema, .inUse, .cannotOpen, .inputOutput, .moved,
      .closed, .other:
      break
    }
    connection = nil
    hasUntidyLog = false
  }

  private mutating func tidy() {
    hasUntidyLog = false
    guard let connection else { return }
    do throws(StoreError) {
      try connection.checkpoint()
      let logBytes = connection.pagesInLog * JournalConnection.pageBytes
      exchange.withLock { $0.checkpointed(logBytes: logBytes) }
    } catch {
      // Nothing is lost: what the log holds is safe there. If the file is at fault, the next write
      // meets the same error and reports it.
    }
  }

  private mutating func finish() {
    tidy()
    connection = nil
  }
}

private func monotonicNanoseconds() -> UInt64 {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}
