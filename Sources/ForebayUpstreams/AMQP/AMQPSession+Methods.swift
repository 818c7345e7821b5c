import ForebayCore
import ForebayWire

// The greeting, what a server says of itself, and how it ends things.
extension AMQPSession {
  mutating func methodHeard(
    _ method: AMQPMethod, channel: UInt16, _ output: inout OutputQueue
  ) {
    switch (phase, method) {
    case (_, .connectionClosed(let complaint)):
      codec.confirmClose(to: &output)
      end(complaint)
    case (_, .channelClosed(let complaint)):
      channelClosed(complaint, &output)
    case (.greeting, .start(let server)): greeted(server, &output)
    case (.tuning, .tune(let channels, let frameBytes, let seconds)):
      tuned(channels, Int(frameBytes), seconds, &output)
    case (.opening, .connectionOpened):
      phase = .openingChannel
      codec.openChannel(AMQPEncoder.channel, to: &output)
    case (.openingChannel, .channelOpened): find(&output)
    case (.finding, .exchangeFound): select(&output)
    case (.finding, .queueFound(let messages, let consumers)):
      found = (messages, consumers)
      select(&output)
    case (.selecting, .confirmsSelected):
      phase = .ready
      events.append(.ready)
      if isBlocked { events.append(.paused(true)) }
    case (_, .blocked(let reason)): blocked(reason)
    case (_, .unblocked): unblocked()
    case (.ready, .flow(let isActive)):
      codec.confirmFlow(isActive: isActive, channel: channel, to: &output)
      events.append(.paused(isBlocked || !isActive))
    default:
      close("it sent \(method.name), which nobody asked for")
    }
  }

  // MARK: The greeting

  private mutating func greeted(_ server: AMQPServer, _ output: inout OutputQueue) {
    self.server = server
    guard server.version == (0, 9) else {
      return close("it speaks AMQP \(server.version.major)-\(server.version.minor), and not 0-9-1")
    }
    let byCertificate = options.prefersCertificate && server.mechanisms.contains("EXTERNAL")
    guard byCertificate || server.mechanisms.contains("PLAIN") else {
      return close(
        "it takes none of our ways to log in, PLAIN and EXTERNAL: "
          + server.mechanisms.joined(separator: " "))
    }
    phase = .tuning
    codec.startOK(options, byCertificate: byCertificate, to: &output)
  }

  private mutating func tuned(
    _ channels: UInt16, _ frameBytes: Int, _ seconds: UInt16, _ output: inout OutputQueue
  ) {
    guard frameBytes == 0 || frameBytes >= Self.frameBytesMin else {
      return close("it wants frames of at most \(frameBytes) bytes, which AMQP doesn't allow")
    }
    // Zero means any.
    agree(frameBytes: frameBytes == 0 ? Self.frameBytesMax : min(frameBytes, Self.frameBytesMax))
    let ours = UInt16(clamping: options.heartbeat.nanoseconds / 1_000_000_000)
    // Where one side wants none, the other's counts; ours may also be none by setting.
    let agreed = ours == 0 ? 0 : seconds == 0 ? ours : min(ours, seconds)
    heartbeat = Heartbeat(seconds: agreed)
    codec.tuneOK(
      channels: channels, frameBytes: UInt32(frameBytesMax), heartbeatSeconds: agreed, to: &output)
    codec.openConnection(virtualHost: options.virtualHost, to: &output)
    phase = .opening
  }

  /// Before the first message it is known whether it has somewhere to go: a missing exchange would cost a
  /// channel for each batch, and without the queue every message would be rejected.
  private mutating func find(_ output: inout OutputQueue) {
    if let exchange = options.exchange {
      phase = .finding
      codec.findExchange(exchange, channel: AMQPEncoder.channel, to: &output)
    } else if let queue {
      phase = .finding
      codec.findQueue(queue, channel: AMQPEncoder.channel, to: &output)
    } else {
      select(&output)
    }
  }

  private mutating func select(_ output: inout OutputQueue) {
    phase = .selecting
    codec.selectConfirms(channel: AMQPEncoder.channel, to: &output)
  }

  // MARK: Slow down

  private mutating func blocked(_ reason: String) {
    isBlocked = true
    events.append(
      .noticed(
        "rabbitmq says: it takes nothing for now: \(reason) (memory or disk is nearly full; see "
          + "vm_memory_high_watermark and disk_free_limit)", isProblem: true))
    if phase == .ready { events.append(.paused(true)) }
  }

  private mutating func unblocked() {
    isBlocked = false
    events.append(.noticed("rabbitmq says: it takes messages again", isProblem: false))
    if phase == .ready { events.append(.paused(false)) }
  }

  // MARK: The end

  /// Everything behind the mistake on that channel is ignored by the server, so all that is out comes
  /// again, on a new connection: with a channel alone there would be two kinds of loss.
  private mutating func channelClosed(_ complaint: AMQPComplaint, _ output: inout OutputQueue) {
    if let bytes = complaint.messageBytes { _ = confirms.tooLarge(bytes: bytes) }
    codec.closeConnection(to: &output)
    end(complaint)
  }

  private mutating func end(_ complaint: AMQPComplaint) {
    close(complaint.said(by: "rabbitmq"))
  }
}

extension AMQPMethod {
  /// For the log.
  fileprivate var name: String {
    switch self {
    case .start: "connection.start"
    case .tune: "connection.tune"
    case .connectionOpened: "connection.open-ok"
    case .channelOpened: "channel.open-ok"
    case .exchangeFound: "exchange.declare-ok"
    case .queueFound: "queue.declare-ok"
    case .confirmsSelected: "confirm.select-ok"
    case .connectionClosed: "connection.close"
    case .channelClosed: "channel.close"
    case .closeConfirmed: "connection.close-ok"
    case .blocked: "connection.blocked"
    case .unblocked: "connection.unblocked"
    case .flow: "channel.flow"
    case .other(let group, let number): "method \(group).\(number)"
    }
  }
}
