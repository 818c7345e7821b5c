import CKafka
package import ForebayCore
import ForebayUV
import ForebayWire

/// A Kafka topic as an upstream, by librdkafka's idempotent producer.
///
/// The library brings its own connections and threads; a *connection* here is a producer that knows its
/// topics. Within it the library connects again and repeats by itself, without duplicates and in order.
/// When an attempt takes too long for the core, or the library can't keep the order, the producer is
/// ended with all that it has, and that goes again with the next one.
///
///     none ─▶ connecting ─▶ open ─▶ settling ─▶ ending ─▶ none
///                 └───────────┴────────────────────▲
package final class KafkaUpstream: Upstream, KafkaEventsOwner {
  static let callMessagesMax = 256
  static let callBytesMax = 256 * 1024
  static let callsMax = 64
  static let inFlightMessagesMax = 8_192
  /// After a batch was refused, what was sent before has so long to be answered.
  static let settlingTime: UInt64 = 1_000_000_000
  /// At our own end the library has so long. Whoever looks a name up can't be interrupted.
  static let farewellMilliseconds = 2_000

  private enum Phase {
    /// Can transition to: connecting.
    case none
    /// The producer is made and asks for its topics. Can transition to: open, ending.
    case connecting
    /// Calls are sent. Can transition to: settling, ending.
    case open
    /// No more is sent, but answers may come. Can transition to: ending.
    case settling(until: UInt64)
    /// The library is letting go. Can transition to: none.
    case ending
  }

  private unowned(unsafe) let owner: any UpstreamOwner
  private let route: UInt32
  private let topicNames: [String]
  private let options: KafkaOptions
  private let configuration: KafkaConfiguration
  private var async: Async!
  private var timer: Timer!
  package let traits: UpstreamTraits

  private var phase = Phase.none
  private var producer: KafkaProducer?
  private var sender: KafkaSender?
  private var events: KafkaEvents?
  private var reports: KafkaReports
  /// Why the connection ends, once it does.
  private var loss: UpstreamLoss?
  private var isDisconnectWanted = false
  private var blame = KafkaBlame()
  /// The library takes no more, and answers only for what is sent already.
  private var isFatal = false
  private var isBusy = false
  private var notices: KafkaNotices
  private var throttledUntil: UInt64 = 0

  package static func traits(frameBytesMax: Int) -> UpstreamTraits {
    var traits = UpstreamTraits()
    traits.kind = .batch
    // See `KafkaConfiguration.Batching`.
    traits.failsInOrder = true
    traits.connects = true
    traits.batchMessagesMax = callMessagesMax
    traits.batchBytesMax = callBytesMax
    traits.callsMax = callsMax
    traits.inFlightMessagesMax = inFlightMessagesMax
    traits.inFlightBytesMax = max(8 << 20, 4 * frameBytesMax)
    return traits
  }

  package init(_ options: KafkaOptions, place: UpstreamPlace) throws {
    owner = place.owner
    route = place.route
    self.options = options
    topicNames = options.topics(route: place.routeName, lanes: WireLimits.lanesMax)
    let traits = Self.traits(frameBytesMax: place.frameBytesMax)
    self.traits = traits
    configuration = try KafkaConfiguration(
      options, inFlightMessagesMax: traits.inFlightMessagesMax,
      inFlightBytesMax: traits.inFlightBytesMax)
    reports = KafkaReports(callsMax: Self.callsMax, messagesMax: Self.callMessagesMax)
    notices = KafkaNotices(isVerbose: options.properties.contains { $0.name == "debug" })
    async = try Async(on: place.loop) { [unowned(unsafe) self] in woken() }
    timer = try Timer(on: place.loop) { [unowned(unsafe) self] in woken() }
  }

  // MARK: Upstream

  package func connect(until deadline: Instant) {
    blame.connecting()
    loss = nil
    isDisconnectWanted = false
    phase = .connecting
    do throws(KafkaConfiguration.Failure) {
      producer = KafkaProducer(
        try configuration.copy(blame.isAlone ? .alone : .whole), topics: topicNames,
        deadline: deadline.nanoseconds, wakes: async.waker,
        opaque: Unmanaged.passUnretained(self).toOpaque())
    } catch {
      brokenInvariant("the configuration was taken at the start: \(error)")
    }
  }

  package func dispatch(_ call: UInt32, _ core: borrowing Sidecar) {
    // What comes while the producer is being given up comes back with the rest.
    guard case .open = phase, let sender, loss == nil else { return }
    let slot = reports.opened(call, messages: core.messageCount(ofCall: call))
    var message = 0
    core.eachStretch(ofCall: call) { stretch in
      guard loss == nil else { return }
      sender.send(stretch, slot: slot, message: message) { sent(slot, $0, $1) }
      message += stretch.count
    }
  }

  /// Whether to go on: behind a message that isn't taken none may be.
  private func sent(_ slot: Int, _ message: Int, _ code: rd_kafka_resp_err_t) -> Bool {
    guard code != RD_KAFKA_RESP_ERR_NO_ERROR else {
      reports.sent()
      return true
    }
    let complaint = KafkaComplaint(code)
    if case .rejected(let code) = complaint.meaning {
      reports.rejected(slot, message, code)
      notices.complained(complaint)
      return true
    }
    failed(complaint)
    return false
  }

  /// Tells what the library wouldn't even begin with.
  package func flush() {
    guard case .open = phase else { return }
    tell()
    settleIfLost()
    updateBusy()
  }

  package func disconnect(_ reason: String) {
    // In a callback of its own, since what is answered already is told first.
    isDisconnectWanted = true
    if loss == nil {
      let last = notices.lastError.map { "\(reason): \($0)" } ?? reason
      loss = UpstreamLoss(reason: last, label: "unanswered", retryAfter: nil, isThrottle: false)
    }
    async.waker.wake()
  }

  package func close() {
    endProducer()
    if producer?.isOver(withinMilliseconds: Self.farewellMilliseconds) == false {
      owner.upstreamNoticed(route, "librdkafka doesn't end; left alone", isProblem: true)
    }
    producer = nil
    phase = .none
    timer.close()
    async.close()
  }

  // MARK: Events

  /// Something of the library, the thread, the timer or ourselves.
  private func woken() {
    owner.upstreamCallbackBegan()
    adoptProducer()
    poll()
    if case .connecting = phase { judgeConnect() }
    if isDisconnectWanted { endProducer() }
    settleIfLost()
    updateBusy()
    if case .ending = phase, producer?.isOver() == true { closed() }
  }

  private func adoptProducer() {
    guard events == nil, case .connecting = phase, let handles = producer?.handles else { return }
    events = KafkaEvents(queue: handles.queue)
  }

  private func judgeConnect() {
    guard let producer else { return }
    if let topics = producer.topics, let handles = producer.handles, loss == nil {
      sender = KafkaSender(
        producer: handles.producer, topics: handles.topics, partitions: topics.map(\.partitions),
        keepsSessionsTogether: options.keepsSessionsTogether,
        idHeader: options.idHeader.map { Array($0.utf8CString) } ?? [])
      phase = .open
      notices.connected(topicNames, topics)
      tellNotices()
      owner.upstreamConnected(route, options.tls == nil ? nil : "TLS by librdkafka")
    } else if let failure = producer.failure, loss == nil {
      let complaint = KafkaComplaint(failure.code)
      notices.complained(complaint)
      let why = complaint.advice.map { " (\($0))" } ?? notices.lastError.map { ": \($0)" } ?? ""
      lose("\(failure.text)\(why)", "connect")
    }
    if loss != nil { endProducer() }
  }

  private func poll() {
    guard let events else { return }
    if events.hear(self) { async.waker.wake() }
    tell()
    tellNotices()
  }

  func logged(_ facility: String, _ text: String, level: Int) {
    notices.logged(facility, text, level: level)
  }

  func reported(_ message: UnsafePointer<rd_kafka_message_t>) {
    let (slot, index) = KafkaReports.place(message.pointee._private)
    reports.answered()
    blame.answered()
    // A batch can be taken though its answer was lost; the library finds out.
    if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR
      || rd_kafka_message_status(message) == RD_KAFKA_MSG_STATUS_PERSISTED
    {
      reports.accepted(slot, index)
      notices.accepted()
      return
    }
    let complaint = KafkaComplaint(message.pointee.err)
    switch complaint.meaning {
    case .purged: break
    case .rejected(let code):
      notices.complained(complaint)
      if blame.isAlone {
        reports.rejected(slot, index, code)
      } else {
        blame.refused(slot, index, code)
      }
    case .failed: failed(complaint)
    }
  }

  func complained(_ code: rd_kafka_resp_err_t, _ text: String) {
    switch code {
    case RD_KAFKA_RESP_ERR__FATAL:
      // Where a batch was refused, its messages say more.
      var said = [CChar](repeating: 0, count: 512)
      let cause = sender.map { rd_kafka_fatal_error($0.producer, &said, said.count) }
      if cause != RD_KAFKA_RESP_ERR__GAPLESS_GUARANTEE, loss == nil {
        lose("the producer must be made anew: \(text)", "fatal")
      }
      isFatal = true
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      notices.allAreDown()
      if case .connecting = phase, loss == nil {
        lose("no broker can be reached: \(notices.lastError ?? text)", "unreachable")
      }
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
      notices.failed(text, KafkaComplaint(code))
      if case .connecting = phase, loss == nil { lose("it refuses us: \(text)", "refused") }
    default: notices.failed(text, KafkaComplaint(code))
    }
  }

  private func failed(_ complaint: KafkaComplaint) {
    notices.complained(complaint)
    if loss == nil { lose("it can't serve us: \(complaint.text)", "refused") }
  }

  private func lose(_ reason: String, _ label: String, isThrottle: Bool = false) {
    loss = UpstreamLoss(reason: reason, label: label, retryAfter: nil, isThrottle: isThrottle)
  }

  /// From within the reading of events. What was sent is taken all the same, so it is said of the route.
  func throttled(milliseconds: Int) {
    guard milliseconds > 0, Loop.now >= throttledUntil else { return }
    let span = TimeSpan.milliseconds(UInt64(milliseconds))
    throttledUntil = Loop.now + span.nanoseconds
    notices.throttled(milliseconds)
    owner.upstreamThrottled(route, retryAfter: span)
  }

  // MARK: Telling

  private func tell() {
    for event in reports.takeEvents() {
      switch event {
      case .messages(let call, let range, let verdict):
        owner.messagesSettled(call, range, verdict)
      case .call(let call, let verdict): owner.callSettled(call, verdict)
      }
    }
  }

  private func tellNotices() {
    for notice in notices.take() {
      owner.upstreamNoticed(route, "kafka: \(notice.text)", isProblem: notice.isProblem)
    }
  }

  /// While messages go alone few are out; when the last of them is answered, batches may come again.
  private func updateBusy() {
    guard case .open = phase, blame.isAlone else { return }
    let wanted = blame.isFull(outstanding: reports.outstanding)
    if wanted != isBusy {
      isBusy = wanted
      owner.upstreamBusy(route, wanted)
    }
    guard blame.isFound(outstanding: reports.outstanding) else { return }
    lose("what was refused is found; messages go in batches again", "found", isThrottle: true)
    endProducer()
  }

  // MARK: The end

  /// Once it is known that the producer has to go, what it sent may still be answered for a moment: that
  /// spares repetitions, and shows how much was refused.
  private func settleIfLost() {
    guard loss != nil || !blame.refused.isEmpty || isFatal else { return }
    if case .open = phase {
      let end = Loop.now + Self.settlingTime
      phase = .settling(until: end)
      timer.fire(at: end)
      owner.upstreamBusy(route, true)
      // What isn't sent yet mustn't be any more. Where the library has stopped it knows that.
      if let sender {
        rd_kafka_purge(sender.producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_NON_BLOCKING)
      }
    }
    guard case .settling(let end) = phase else { return }
    guard reports.outstanding == 0 || Loop.now >= end else { return }
    judge()
    endProducer()
  }

  private func judge() {
    switch blame.ended(unsettled: reports.unsettled) {
    case .nothing: if loss == nil { lose("the producer has stopped", "fatal") }
    case .reject(let one):
      reports.rejected(one.slot, one.message, one.code)
      tell()
      loseToRefusal(1)
    case .suspect(let count): loseToRefusal(count)
    }
  }

  /// It isn't down, and has said so.
  private func loseToRefusal(_ count: Int) {
    lose("it refused \(count) messages together", "refused", isThrottle: true)
  }

  private func endProducer() {
    switch phase {
    case .none, .ending: return
    case .connecting, .open, .settling: break
    }
    phase = .ending
    timer.cancel()
    events = nil
    sender = nil
    producer?.end()
  }

  private func closed() {
    producer = nil
    phase = .none
    reports.removeAll()
    blame.closed()
    isFatal = false
    isBusy = false
    isDisconnectWanted = false
    let loss =
      loss
      ?? UpstreamLoss(reason: "it ended", label: "ended", retryAfter: nil, isThrottle: false)
    self.loss = nil
    tellNotices()
    owner.upstreamClosed(route, loss)
  }
}
