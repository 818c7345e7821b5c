import ForebayCore

/// One line of `replay breaker`'s input.
struct BreakerEvent {
  enum Kind {
    /// Asks to make a call.
    case dispatch
    case result(CallResult, isSlow: Bool)
    case tick
    case command(Breaker.OperatorCommand)
  }

  let kind: Kind
  /// Which call, if there are several.
  let id: String?
  /// How long the call took, if it isn't the time since its dispatch.
  let duration: TimeSpan?
  /// Messages that became ready.
  let offered: UInt64

  private static let names =
    "dispatch, success, failure, slow, throttled, neutral, tick, force_open, force_closed, auto, "
    + "probe_now"

  /// `object` without its time.
  init(_ object: ReplayObject) throws(ReplayProblem) {
    var object = object
    guard let name = try object.text("event") else {
      throw ReplayProblem("event is missing; write one of: \(Self.names)")
    }
    kind = try Self.kind(name, &object)
    switch kind {
    case .dispatch:
      id = try object.name("id")
      duration = nil
      offered = try object.count("offered", "messages") ?? 1
    case .result:
      id = try object.name("id")
      duration = try object.milliseconds("duration_ms")
      offered = 0
    case .tick:
      id = nil
      duration = nil
      offered = try object.count("offered", "messages") ?? 0
    case .command:
      id = nil
      duration = nil
      offered = 0
    }
    try object.end(name)
  }

  private static func kind(
    _ name: String, _ object: inout ReplayObject
  ) throws(ReplayProblem) -> Kind {
    switch name {
    case "dispatch": return .dispatch
    case "success": return .result(.success, isSlow: false)
    case "slow": return .result(.success, isSlow: true)
    case "neutral": return .result(.neutral, isSlow: false)
    case "failure":
      return .result(
        .failure(retryAfter: try object.milliseconds("retry_after_ms")), isSlow: false)
    case "throttled":
      return .result(
        .throttled(retryAfter: try object.milliseconds("retry_after_ms")), isSlow: false)
    case "tick": return .tick
    case "force_open": return .command(.forceOpen)
    case "force_closed": return .command(.forceClosed)
    case "auto": return .command(.automatic)
    case "probe_now": return .command(.probeNow)
    default: throw ReplayProblem("there is no such event; write one of: \(names)")
    }
  }
}
