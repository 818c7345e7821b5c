import ForebayCore
package import ForebayTLS
package import ForebayUV

/// Asks a RabbitMQ server what an operator wants to know before messages go to it. It declares nothing, and
/// sends nothing unless asked, and then one message.
package final class AMQPCheck: StreamCheck, ByteStreamOwner {
  private let options: AMQPOptions
  private let queue: String?
  private let sends: Bool
  private let sequence: UInt64
  private let done: (Result<[String], TLSError>) -> Void
  private var session: AMQPSession
  private var stream: ByteStream?
  private var findings: [String] = []
  private var isRejected = false
  private var isAskingKind = false
  private var failure: String?

  /// `done` is called once. `sequence` is drawn, so that a message that is sent has an id of its own.
  package init(
    _ options: AMQPOptions, route: String, sends: Bool, sequence: UInt64,
    done: @escaping (Result<[String], TLSError>) -> Void
  ) {
    self.options = options
    self.sends = sends
    self.sequence = sequence
    self.done = done
    queue = options.queue(route: route)
    session = AMQPSession(options, route: route)
  }

  package func start(
    at endpoint: ByteStream.Endpoint, tls: TLSContext?, on loop: Loop, until deadline: UInt64
  ) {
    let stream = ByteStream(to: endpoint, tls: tls, on: loop, owner: self)
    self.stream = stream
    stream.connect(until: Instant(nanoseconds: deadline))
  }

  package func streamOpened(_ stream: ByteStream) {
    findings.append(
      "connected" + (stream.security.map { ", secured by \($0)" } ?? ", not encrypted"))
    session.opened(&stream.output)
  }

  package func streamReceived(_ stream: ByteStream, _ bytes: UnsafeRawBufferPointer) {
    session.received(bytes, &stream.output)
    var events: [SessionEvent] = []
    session.takeEvents(&events)
    for event in events { heard(event, stream) }
    stream.flush()
  }

  private func heard(_ event: SessionEvent, _ stream: ByteStream) {
    switch event {
    case .ready:
      tellServer()
      tellPlace()
      guard sends else { return askKind(stream) }
      session.publishProbe("forebayd check-upstream", sequence, &stream.output)
    case .messages(_, _, .rejected): isRejected = true
    case .messages: break
    case .call(_, .accepted) where !isRejected:
      findings.append("sent one message, which is confirmed")
      askKind(stream)
    case .call:
      failure =
        isRejected
        ? "the message that was sent came back: no queue is bound for it"
        : "the message that was sent was refused (nacked): its queue is full, or failed"
      leave(stream)
    case .secure, .paused, .others, .leaving: break
    case .noticed(let text, _): findings.append(text)
    case .close(let complaint, _) where isAskingKind:
      tellKind(complaint)
      stream.flush()
      stream.end(.closedByUs(""))
    case .close(let reason, _):
      failure = reason
      stream.flush()
      stream.end(.closedByUs(reason))
    }
  }

  private func askKind(_ stream: ByteStream) {
    guard let queue else { return leave(stream) }
    isAskingKind = true
    session.askQueueKind(queue, &stream.output)
  }

  private func leave(_ stream: ByteStream) {
    session.goodbye(&stream.output)
    stream.flush()
    stream.end(.closedByUs(""))
  }

  package func streamBusy(_ stream: ByteStream, _ isBusy: Bool) {}

  package func streamEnded(_ stream: ByteStream, _ ending: StreamEnding) {
    self.stream = nil
    if failure == nil, ending == .closedByUs("") { return done(.success(findings)) }
    done(.failure(TLSError(failure ?? ending.description)))
  }

  // MARK: What is told

  private func tellServer() {
    guard let server = session.server else { return }
    let product = server.product.isEmpty ? "a server of no name" : server.product
    findings.append(
      "\(product) \(server.productVersion)"
        + (server.cluster.isEmpty ? "" : ", cluster '\(server.cluster)'"))
    findings.append("logged in as '\(options.user)', virtual host '\(options.virtualHost)'")
    let heartbeat = session.heartbeat.seconds
    findings.append(
      "frames of at most \(session.frameBytesMax) bytes, "
        + (heartbeat > 0 ? "a heartbeat each \(heartbeat) s" : "no heartbeats"))
  }

  private func tellPlace() {
    if let exchange = options.exchange {
      findings.append("exchange '\(exchange)' exists")
      findings.append(
        "whether a queue is bound for '\(options.routingKey)' is seen only when a message is sent")
    } else if let queue {
      let found = session.found ?? (0, 0)
      findings.append(
        "queue '\(queue)' exists: \(found.messages) messages, \(found.consumers) consumers")
    } else {
      findings.append("the default exchange; queues are named by '\(options.routingKey)'")
    }
    findings.append(
      options.isPersistent
        ? "messages are persistent: a durable queue has them on its disk when they are confirmed"
        : "messages are transient: a restart of the server loses what was delivered")
  }

  /// `PRECONDITION_FAILED - inequivalent arg 'x-queue-type' … received 'forebay' but current is 'quorum'`
  private func tellKind(_ complaint: String) {
    if complaint.contains("arg 'durable'") {
      findings.append(
        "it isn't durable, or exclusive: a restart of the server loses what was delivered")
    } else if complaint.contains("arg 'x-queue-type'"),
      let place = complaint.firstRange(of: "but current is ")
    {
      let rest = complaint[place.upperBound...]
      let kind = ["quorum", "stream", "classic"].first { rest.contains("'\($0)'") } ?? "classic"
      findings.append("it is durable, of type \(kind)")
    } else {
      findings.append("whether it is durable can't be told: \(complaint)")
    }
  }
}
