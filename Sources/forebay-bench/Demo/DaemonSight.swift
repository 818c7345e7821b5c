import ForebayWire

/// What `show state` says of a daemon with one route.
struct DaemonSight: Equatable, Sendable {
  struct Amount: Equatable, Sendable {
    var messages: UInt64 = 0
    var bytes: UInt64 = 0

    init(messages: UInt64 = 0, bytes: UInt64 = 0) {
      self.messages = messages
      self.bytes = bytes
    }

    init?(_ json: JSONValue?) {
      guard let messages = json?["messages"]?.count, let bytes = json?["bytes"]?.count else {
        return nil
      }
      self.init(messages: messages, bytes: bytes)
    }
  }

  struct Breaker: Equatable, Sendable {
    /// As the daemon names it: closed, open, half_open, forced_open, forced_closed.
    var state = "closed"
    var consecutiveFailures: UInt64 = 0
    var successes: UInt64 = 0
    var openings: UInt64 = 0
    var probes: UInt64 = 0

    init() {}

    init?(_ json: JSONValue?) {
      guard let json, let state = json["state"]?.string,
        let failures = json["consecutive_failures"]?.count,
        let successes = json["successes"]?.count, let openings = json["openings"]?.count,
        let quota = json["quota_probes"]?.count, let floor = json["floor_probes"]?.count
      else { return nil }
      self.state = state
      consecutiveFailures = failures
      self.successes = successes
      self.openings = openings
      probes = quota + floor
    }
  }

  var held = Amount()
  var heldPeak = Amount()
  var capacity = Amount()
  var received: UInt64 = 0
  var delivered: UInt64 = 0
  /// Messages whose outcome is another than delivered.
  var lost: UInt64 = 0
  var windowsShut: UInt64 = 0
  var breaker = Breaker()
  var anonymousBytes: UInt64 = 0

  init() {}

  init?(_ json: JSONValue) {
    guard let route = json["routes"]?[0], let totals = route["totals"],
      let held = Amount(route["held"]), let peak = Amount(route["held_peak"]),
      let capacity = Amount(route["capacity"]), let breaker = Breaker(route["breaker"]),
      let received = totals["received"]?.count, let delivered = totals["delivered"]?.count,
      let shut = totals["windows_shut"]?.count,
      let memory = json["memory"]?["rss_anonymous_bytes"]?.count
    else { return nil }
    self.held = held
    heldPeak = peak
    self.capacity = capacity
    self.received = received
    self.delivered = delivered
    lost = ["dead_lettered", "expired", "dropped", "rejected", "duplicate"]
      .reduce(0) { $0 + (totals[$1]?.count ?? 0) }
    windowsShut = shut
    self.breaker = breaker
    anonymousBytes = memory
  }
}

/// What `show clients` says of a client.
struct ClientSight: Equatable, Sendable {
  /// Why its window is shut; nil while it isn't.
  var shutReason: String?

  init(shutReason: String?) { self.shutReason = shutReason }

  init?(_ json: JSONValue) {
    guard let isShut = json["shut"]?.flag, let reason = json["reason"]?.string else { return nil }
    shutReason = isShut && reason != WindowReason.none.wireName ? reason : nil
  }
}
