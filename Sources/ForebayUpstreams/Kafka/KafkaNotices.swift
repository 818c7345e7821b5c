import CKafka

/// What of all that the library says an operator is told: each thing once, until something works again.
struct KafkaNotices {
  struct Notice: Equatable {
    let text: String
    let isProblem: Bool
  }

  /// The library writes the same with other numbers again and again.
  private static let toldMax = 16

  private let isVerbose: Bool
  private var notices: [Notice] = []
  private var told: [String] = []
  /// The last thing that a broker's connection failed with.
  private(set) var lastError: String?
  private var isDown = false

  init(isVerbose: Bool) { self.isVerbose = isVerbose }

  mutating func take() -> [Notice] {
    guard !notices.isEmpty else { return [] }
    defer { notices.removeAll() }
    return notices
  }

  private mutating func tell(_ text: String, once kind: String, isProblem: Bool = true) {
    guard !told.contains(kind), told.count < Self.toldMax else { return }
    told.append(kind)
    notices.append(Notice(text: text, isProblem: isProblem))
  }

  /// A message is there: whatever was wrong isn't any more.
  mutating func accepted() {
    guard !told.isEmpty || lastError != nil else { return }
    told.removeAll(keepingCapacity: true)
    lastError = nil
    isDown = false
  }

  mutating func complained(_ complaint: KafkaComplaint) {
    guard complaint.code != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
    tell(complaint.textWithAdvice, once: "code \(complaint.code.rawValue)")
  }

  mutating func failed(_ text: String, _ complaint: KafkaComplaint) {
    lastError = text
    let advice = complaint.advice.map { " (\($0))" } ?? ""
    tell(text + advice, once: "code \(complaint.code.rawValue)")
  }

  mutating func allAreDown() {
    tell("no broker can be reached; it goes on trying", once: "down")
  }

  mutating func throttled(_ milliseconds: Int) {
    tell(
      "a quota of the cluster slows us down (\(milliseconds) ms)", once: "throttled",
      isProblem: true)
  }

  mutating func connected(_ names: [String], _ topics: [KafkaProducer.Topic]) {
    for (lane, topic) in topics.enumerated() where topic.leaderless > 0 {
      tell(
        "\(topic.leaderless) of \(topic.partitions) partitions of '\(names[lane])' have no leader; "
          + "their messages wait", once: "leaderless \(names[lane])")
    }
  }

  /// The library's own log. What it says of connections it says as errors, too.
  mutating func logged(_ facility: String, _ text: String, level: Int) {
    if isVerbose { return notices.append(Notice(text: "\(facility): \(text)", isProblem: false)) }
    guard level <= 4, facility != "FAIL", facility != "ERROR", facility != "FATAL",
      facility != "TERMINATE",
      // It warns of a property that we set ourselves, and know why.
      !text.contains("enable.gapless.guarantee")
    else { return }
    tell("\(facility): \(text)", once: "log \(facility)")
  }
}
