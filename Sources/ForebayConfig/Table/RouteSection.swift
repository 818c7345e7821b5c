import ForebayCore

extension SettingsTable {
  static let routes = Section(
    pattern: "routes[]", summary: "Each route", blank: RouteTarget(),
    settings: path + RedisSettings.rows + NATSSettings.rows + HTTPSettings.rows
      + KafkaSettings.rows + AMQPSettings.rows + TLSSettings.rows + space + calls
      + breaker + retries)

  private static let path: [Setting<RouteTarget>] = [
    Setting(
      "name", \.settings.name, .name,
      "What clients call it; a client that names none gets the first.", needsRestart: true,
      isRequired: true),
    Setting(
      "upstream", \.address, .upstream, "Where a route's messages go.", flag: "upstream",
      needsRestart: true, isRequired: true),
  ]

  private static let space: [Setting<RouteTarget>] = [
    Setting(
      "buffer_messages", \.settings.bufferMessages, .count(2...RouteSettings.messagesMax),
      "What a route may hold and have promised, in messages.", flag: "buffer-messages"),
    Setting(
      "buffer_bytes", \.settings.bufferBytes, .size(1...RouteSettings.bufferBytesMax),
      "The same in bytes: the frames of a route, and an overhead a message for its records.",
      flag: "buffer-bytes"),
    Setting(
      "control_reserve_bytes", \.settings.controlReserveBytes,
      .size(0...RouteSettings.bufferBytesMax),
      "Kept back of it for frames that cost nothing."),
    Setting(
      "window_messages_max", \.settings.windowMessagesMax, .count(1...RouteSettings.messagesMax),
      "Messages that one client may have unsettled.", flag: "window-messages"),
  ]

  private static let calls: [Setting<RouteTarget>] = [
    Setting(
      "rate", \.rate.allowed, .rate, "Messages towards a route's upstream.", flag: "rate",
      fields: ["rate.messages", "rate.period"]),
    Setting(
      "burst", \.rate.burst, orNone(.count(1...RouteSettings.messagesMax, "messages")),
      "How many of them at once; none: a tenth of a second's worth.", fields: ["rate.burst"]),
    Setting(
      "ordered", \.settings.isOrdered, .yesOrNo,
      "Whether a session's messages in a lane stay in order.", needsRestart: true,
      fields: ["isOrdered"]),
    Setting(
      "lane_weights", \.settings.laneWeights,
      list(of: .count(Settings.weightRange), allowsEmpty: false, isSet: false),
      "The share of each lane, from 0 to 7, relative to others that have something to send."),
    Setting(
      "attempt_timeout", \.settings.attemptTimeout, .time(RouteSettings.attemptTimeoutRange),
      "After this long without an answer an attempt counts as failed.", flag: "attempt-timeout"),
    Setting(
      "batch.messages", \.batchMessages, orNone(.count(1...1_000_000)),
      "Messages in one call; none: what the upstream takes.",
      fields: ["upstream.batchMessagesMax"]),
    Setting(
      "batch.bytes", \.batchBytes, orNone(.size(1...(1 << 30))),
      "Bytes after which a call takes no further messages; none: what the upstream takes.",
      fields: ["upstream.batchBytesMax"]),
    Setting(
      "batch.flush_interval", \.flushInterval, orNone(.time(.zero ... .seconds(10))),
      "Less than a full batch waits so long for more while other calls are out; none: what the "
        + "upstream does best with.", fields: ["upstream.flushInterval"]),
    Setting(
      "in_flight.calls", \.callsMax, orNone(.count(1...1_000_000)),
      "Calls without an answer; none: what the upstream takes.",
      fields: ["upstream.callsMax"]),
    Setting(
      "in_flight.messages", \.inFlightMessages, orNone(.count(1...1_000_000_000)),
      "Messages without an answer; none: what the upstream takes.",
      fields: ["upstream.inFlightMessagesMax"]),
    Setting(
      "in_flight.bytes", \.inFlightBytes, orNone(.size(1...(1 << 40))),
      "The same in bytes; none: what the upstream takes.",
      fields: ["upstream.inFlightBytesMax"]),
  ]

  private static let day = TimeSpan.seconds(86_400)
  private static let hour = TimeSpan.seconds(3_600)

  private static let breaker: [Setting<RouteTarget>] = [
    Setting(
      "breaker.consecutive_failures", \.settings.breaker.consecutiveFailures,
      .count(1...UInt32.max),
      "So many failed calls in a row open it."),
    Setting(
      "breaker.failure_rate_percent", \.settings.breaker.failureRatePercent,
      orNone(.count(1...100, "%")), "So many failures among the calls in the window open it."),
    Setting(
      "breaker.slow_rate_percent", \.settings.breaker.slowRatePercent, .count(1...100, "%"),
      "So many slow calls in the window open it."),
    Setting(
      "breaker.slow_threshold", \.settings.breaker.slowThreshold,
      orNone(.time(.milliseconds(1)...day)), "From this duration on a call is slow."),
    Setting(
      "breaker.window", \.settings.breaker.window, .time(.milliseconds(10)...hour),
      "How far back the rates look."),
    Setting(
      "breaker.minimum_samples", \.settings.breaker.minimumSamples, .count(1...UInt32.max),
      "With fewer calls in the window no rate is believed."),
    Setting(
      "breaker.base_wait", \.settings.breaker.baseWait, .time(.milliseconds(1)...day),
      "How long it is open the first time."),
    Setting(
      "breaker.maximum_wait", \.settings.breaker.maximumWait, .time(.milliseconds(1)...day),
      "The wait doubles from opening to opening up to this."),
    Setting(
      "breaker.jitter_percent", \.settings.breaker.jitterPercent, .count(0...100, "%"),
      "Waits differ by up to this much."),
    Setting(
      "breaker.retry_after_maximum", \.settings.breaker.retryAfterMaximum, .time(.zero...day),
      "No upstream can ask for more silence than this."),
    Setting(
      "breaker.healthy_interval", \.settings.breaker.healthyInterval, .time(.milliseconds(1)...day),
      "Closed for so long without a failure, the next wait is halved."),
    Setting(
      "breaker.successes_to_close", \.settings.breaker.successesToClose, .count(1...UInt32.max),
      "So many probes in a row must succeed."),
    Setting(
      "breaker.minimum_half_open", \.settings.breaker.minimumHalfOpen, .time(.zero...day),
      "It stays half-open at least so long."),
    Setting(
      "breaker.maximum_half_open", \.settings.breaker.maximumHalfOpen, .time(.seconds(1)...day),
      "After so long without one success it opens again."),
    Setting(
      "breaker.quota_percent", \.settings.breaker.quotaPercent,
      .count(BreakerSettings.quotaPercentRange, "%"),
      "The share of offered messages that may be probes."),
    Setting(
      "breaker.probe_deadline", \.settings.breaker.probeDeadline, .time(.milliseconds(1)...day),
      "A probe without an answer by then has failed."),
  ]

  private static let retries: [Setting<RouteTarget>] = [
    Setting(
      "backoff.base", \.settings.backoff.base, .time(.milliseconds(1)...day),
      "The longest wait before the first retry; waits are drawn between zero and that."),
    Setting(
      "backoff.maximum", \.settings.backoff.maximum, .time(.milliseconds(1)...day),
      "It doubles with every failure up to this."),
    Setting(
      "backoff.retry_after_maximum", \.settings.backoff.retryAfterMaximum, .time(.zero...day),
      "No upstream can ask for a longer wait than this."),
    Setting(
      "retry_budget.percent", \.settings.retryBudget.percent, .count(0...1_000, "%"),
      "Retries allowed for each hundred first attempts."),
    Setting(
      "retry_budget.minimum_per_second", \.settings.retryBudget.minimumPerSecond,
      .count(0...1_000_000), "Retries allowed whatever the traffic."),
    Setting(
      "retry_budget.time_to_live", \.settings.retryBudget.timeToLive,
      .time(.milliseconds(10)...hour),
      "How long attempts count."),
    Setting(
      "recovery.start_limit", \.settings.recovery.startLimit, .count(1...1_000_000),
      "Messages in flight when the breaker has just closed."),
    Setting(
      "recovery.interval", \.settings.recovery.interval, .time(.milliseconds(1)...hour),
      "The limit doubles at most this often."),
    Setting(
      "recovery.backlog_percent", \.settings.recovery.backlogPercent, .count(1...10_000, "%"),
      "What waited is sent at no more than this share of the live rate."),
    Setting(
      "recovery.live_rate_minimum", \.settings.recovery.liveRateMinimum, .count(1...1_000_000_000),
      "The live rate is never taken for less, in messages a second."),
  ]
}
