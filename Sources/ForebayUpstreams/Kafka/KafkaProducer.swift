import CKafka
import ForebayCore
import ForebayStore
import ForebayUV
import ForebayWire

/// One instance of the library's producer, from its making to its end, with a thread for what would
/// block: making it (it reads certificates), asking for the topics, ending it (it waits for its threads).
///
///     making ─▶ made: its events can be read ─▶ ready: its topics are known ─▶ ending ─▶ ended
///
/// Everything but `Life` is read and written by the loop alone.
final class KafkaProducer {
  /// What the loop needs to send and to hear.
  struct Handles: @unchecked Sendable {
    let producer: OpaquePointer
    let queue: OpaquePointer
    /// By lane. Those with one name are one.
    let topics: [OpaquePointer]
  }

  /// A topic as the cluster described it.
  struct Topic: Equatable, Sendable {
    var partitions = 0
    var leaderless = 0
    var code = RD_KAFKA_RESP_ERR_NO_ERROR
  }

  struct Failure: Equatable, Sendable {
    let text: String
    var code = RD_KAFKA_RESP_ERR_NO_ERROR
  }

  /// What both threads know.
  private struct Life {
    var handles: Handles?
    /// By lane.
    var topics: [Topic]?
    var failure: Failure?
    var mustEnd = false
    var isOver = false
  }

  private let life = Monitor(Life())
  private var thread: WorkerThread?

  /// Starts the thread. `wakes` is woken when there is something to look at, `opaque` given to the
  /// library's callbacks.
  init(
    _ configuration: KafkaConfiguration, topics: [String], deadline: UInt64, wakes: Waker,
    opaque: UnsafeMutableRawPointer
  ) {
    let work = Work(
      configuration: configuration, topics: topics, deadline: deadline, waker: wakes,
      opaque: UInt(bitPattern: opaque), life: life)
    thread = WorkerThread.start(name: "kafka") { work.run() }
    if thread == nil {
      life.change {
        $0.failure = Failure(text: "the system gives no thread")
        $0.isOver = true
      }
      wakes.wake()
    }
  }

  /// Nil before it is made. Not to be used after `end`.
  var handles: Handles? { life.withLock { $0.handles } }
  /// Nil before they are known.
  var topics: [Topic]? { life.withLock { $0.topics } }
  var failure: Failure? { life.withLock { $0.failure } }

  /// Lets go of everything that the library has. The loop has no event of it in its hands.
  func end() { life.change { $0.mustEnd = true } }

  /// Whether it is gone. Waits for that, at most so long; its thread is joined then.
  func isOver(withinMilliseconds milliseconds: Int = 0) -> Bool {
    let isOver = life.wait(milliseconds: milliseconds) { $0.isOver ? true : nil } ?? false
    if isOver {
      thread?.join()
      thread = nil
    }
    return isOver
  }

  // MARK: The thread

  /// All of it runs there.
  private final class Work: @unchecked Sendable {
    private let configuration: KafkaConfiguration
    private let names: [String]
    private let deadline: UInt64
    private let waker: Waker
    private let opaque: UInt
    private let life: Monitor<Life>

    init(
      configuration: KafkaConfiguration, topics: [String], deadline: UInt64, waker: Waker,
      opaque: UInt, life: Monitor<Life>
    ) {
      self.configuration = configuration
      names = topics
      self.deadline = deadline
      self.waker = waker
      self.opaque = opaque
      self.life = life
    }

    func run() {
      if let handles = make() {
        tell { $0.handles = handles }
        switch learn(handles) {
        case .success(let topics): tell { $0.topics = topics }
        case .failure(let problem): tell { $0.failure = problem.failure }
        }
        _ = life.wait { $0.mustEnd ? true : nil }
        destroy(handles)
      }
      tell { $0.isOver = true }
    }

    private func tell(_ change: (inout Life) -> Void) {
      life.change(change)
      waker.wake()
    }

    private func make() -> Handles? {
      rd_kafka_conf_set_opaque(configuration.raw, UnsafeMutableRawPointer(bitPattern: opaque))
      rd_kafka_conf_set_throttle_cb(configuration.raw, KafkaCallbacks.throttled)
      var text = [CChar](repeating: 0, count: 512)
      guard
        let producer = rd_kafka_new(RD_KAFKA_PRODUCER, configuration.raw, &text, text.count)
      else {
        let reason = String(terminated: text)
        tell { $0.failure = Failure(text: reason) }
        return nil
      }
      configuration.taken()
      rd_kafka_set_log_queue(producer, nil)
      let queue = rd_kafka_queue_get_main(producer)!
      rd_kafka_queue_cb_event_enable(
        queue, KafkaCallbacks.queued, Unmanaged.passUnretained(waker).toOpaque())
      // The library counts references: the same name gives the same topic.
      let topics = names.compactMap { rd_kafka_topic_new(producer, $0, nil) }
      guard topics.count == names.count else {
        let code = rd_kafka_last_error()
        tell { $0.failure = Failure(text: "the topic can't be named so", code: code) }
        destroy(Handles(producer: producer, queue: queue, topics: topics))
        return nil
      }
      return Handles(producer: producer, queue: queue, topics: topics)
    }

    private struct Problem: Error { let failure: Failure }

    /// Each question waits so long for an answer, twice as long from time to time: whoever wants to end
    /// it waits for that.
    private static let firstPatience: Int32 = 500
    private static let patienceMax: Int32 = 4_000
    /// A topic that isn't known may be in the making.
    private static let unknownMax: UInt64 = 2_000_000_000

    /// Asks for the topics until they are known.
    private func learn(_ handles: Handles) -> Result<[Topic], Problem> {
      var known: [String: Topic] = [:]
      var patience = Self.firstPatience
      var last = RD_KAFKA_RESP_ERR_NO_ERROR
      let unknownUntil = Loop.now + Self.unknownMax
      while !life.withLock({ $0.mustEnd }), Loop.now < deadline {
        for (lane, name) in names.enumerated() where known[name]?.isFinal != true {
          let (topic, code) = ask(handles, handles.topics[lane], patience)
          last = code
          guard let topic else { break }
          known[name] = topic
        }
        let isComplete = known.count == Set(names).count
        if isComplete, known.values.allSatisfy(\.isFinal) || Loop.now > unknownUntil {
          return judge(names.map { known[$0]! })
        }
        if last != RD_KAFKA_RESP_ERR_NO_ERROR {
          patience = min(2 * patience, Self.patienceMax)
        } else {
          _ = life.wait(milliseconds: 100) { $0.mustEnd ? true : nil }
        }
      }
      return .failure(
        Problem(
          failure: Failure(text: "no broker describes the topic", code: last)))
    }

    private func ask(
      _ handles: Handles, _ topic: OpaquePointer, _ patience: Int32
    ) -> (Topic?, rd_kafka_resp_err_t) {
      var found: UnsafePointer<rd_kafka_metadata>?
      let code = rd_kafka_metadata(handles.producer, 0, topic, &found, patience)
      guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let found else { return (nil, code) }
      defer { rd_kafka_metadata_destroy(found) }
      guard found.pointee.topic_cnt > 0 else { return (nil, code) }
      return (Topic(found.pointee.topics[0]), code)
    }

    /// One topic that can be written to is enough: others may be of lanes that nobody uses.
    private func judge(_ topics: [Topic]) -> Result<[Topic], Problem> {
      if topics.contains(where: { $0.partitions > 0 }) { return .success(topics) }
      let code = topics[0].code
      return .failure(
        Problem(
          failure: Failure(
            text: "topic '\(names[0])': \(String(cString: rd_kafka_err2str(code)))", code: code)))
    }

    private func destroy(_ handles: Handles) {
      rd_kafka_queue_cb_event_enable(handles.queue, nil, nil)
      // Without it the end would wait for what can't be sent.
      rd_kafka_purge(handles.producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
      for topic in handles.topics { rd_kafka_topic_destroy(topic) }
      rd_kafka_queue_destroy(handles.queue)
      rd_kafka_destroy(handles.producer)
    }
  }
}

extension KafkaProducer.Topic {
  init(_ found: rd_kafka_metadata_topic) {
    code = found.err
    partitions = code == RD_KAFKA_RESP_ERR_NO_ERROR ? Int(found.partition_cnt) : 0
    leaderless = (0..<partitions).count { found.partitions[$0].leader < 0 }
  }

  /// Asking again soon would bring nothing else.
  var isFinal: Bool {
    switch code {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE: false
    default: true
    }
  }
}

/// What the library calls. In a file of their own and outside of any actor: it has threads of its own.
enum KafkaCallbacks {
  /// On one of the library's threads, with a lock of its queue taken: it may only wake.
  static let queued: @convention(c) (OpaquePointer?, UnsafeMutableRawPointer?) -> Void = {
    _, waker in
    guard let waker else { return }
    Unmanaged<Waker>.fromOpaque(waker)._withUnsafeGuaranteedRef { $0.wake() }
  }

  /// On the loop, from within the reading of events.
  static let throttled:
    @convention(c) (
      OpaquePointer?, UnsafePointer<CChar>?, Int32, Int32, UnsafeMutableRawPointer?
    ) -> Void = { _, _, _, milliseconds, upstream in
      guard let upstream else { return }
      Unmanaged<KafkaUpstream>.fromOpaque(upstream)._withUnsafeGuaranteedRef {
        $0.throttled(milliseconds: Int(milliseconds))
      }
    }
}
