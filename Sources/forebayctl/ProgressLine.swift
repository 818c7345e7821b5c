import ForebayClient
import Glibc

/// One line on a terminal that is drawn anew a few times a second; nothing where there is none.
struct ProgressLine {
  private static let interval = Duration.milliseconds(100)
  private static let barCells = 20

  private let isShown: Bool
  private var drawnAt: ContinuousClock.Instant?
  private var rate = RateMeter()

  init(descriptor: Int32 = STDERR_FILENO) { isShown = isatty(descriptor) == 1 }

  struct Facts {
    var sent = 0
    var settled = 0
    /// How much of the input is sent, where its size is known.
    var fraction: Double?
    /// All of the input is sent; what is left is to wait.
    var isAllSent = false
  }

  mutating func update(_ facts: Facts, _ statistics: @autoclosure () -> ClientStatistics) {
    guard isShown else { return }
    let now = ContinuousClock.now
    if let drawnAt, now - drawnAt < Self.interval { return }
    drawnAt = now
    let perSecond = rate.update(settled: facts.settled, now: now)
    let line = Self.line(facts, perSecond: perSecond, statistics())
    write("\r" + String(line.prefix(Self.columns - 1)) + "\u{1b}[K", to: STDERR_FILENO)
  }

  /// Takes the line away, so that what is printed next stands alone.
  mutating func clear() {
    if drawnAt != nil { write("\r\u{1b}[K", to: STDERR_FILENO) }
    drawnAt = nil
  }

  static func line(_ facts: Facts, perSecond: Double, _ statistics: ClientStatistics) -> String {
    var line = ""
    if let fraction = facts.fraction {
      let full = min(barCells, Int(fraction * Double(barCells)))
      line += "[" + String(repeating: "#", count: full)
      line += String(repeating: ".", count: barCells - full)
      line += "] \(Int(fraction * 100))%  "
    }
    line += "sent \(facts.sent)  settled \(facts.settled)  \(short(perSecond))/s  "
    return line + state(facts, statistics)
  }

  private static func state(_ facts: Facts, _ statistics: ClientStatistics) -> String {
    switch statistics.status {
    case .ready:
      return facts.isAllSent
        ? "waiting for \(max(0, facts.sent - facts.settled))"
        : "window open (\(statistics.windowMessages))"
    case .blocked:
      // While it opens a little with every receipt, the daemon gives no reason.
      guard let reason = statistics.windowReason else { return "window used up" }
      var text = "window shut: \(reason)"
      if let retryAfter = statistics.retryAfter {
        text += ", retry in \(TimeText.seconds(retryAfter)) s"
      }
      return text
    // Why it isn't connected stands above, on a line of its own.
    case .connecting: return "connecting"
    case .draining: return "the daemon is going"
    case .closed: return "closed"
    }
  }

  /// Three digits or so: 950, 12.3k, 4.56M.
  static func short(_ value: Double) -> String {
    switch value {
    case ..<1_000: return String(Int(value))
    case ..<1_000_000: return decimals(value / 1_000) + "k"
    default: return decimals(value / 1_000_000) + "M"
    }
  }

  private static func decimals(_ value: Double) -> String {
    let tenths = Int(value * 10)
    return "\(tenths / 10).\(tenths % 10)"
  }

  private static var columns: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 1 else { return 80 }
    return Int(size.ws_col)
  }
}

/// Messages a second, smoothed over about a second.
struct RateMeter {
  private var last: (settled: Int, at: ContinuousClock.Instant)?
  /// Of rates that count the less the older they are, and their weights together: less than 1 in the
  /// beginning, where a sum alone would say too little.
  private var sum = 0.0
  private var weight = 0.0

  mutating func update(settled: Int, now: ContinuousClock.Instant) -> Double {
    defer { last = (settled, now) }
    guard let last else { return 0 }
    let elapsed = (now - last.at) / Duration.seconds(1)
    guard elapsed > 0 else { return weight > 0 ? sum / weight : 0 }
    let fresh = Double(settled - last.settled) / elapsed
    let share = min(1, elapsed)
    sum += (fresh - sum) * share
    weight += (1 - weight) * share
    return sum / weight
  }
}
