import ForebayCore
package import ForebayTLS
package import ForebayUV
import ForebayWire

/// Asks a NATS server what an operator wants to know before messages go to it: above all which stream takes
/// the subject. It publishes nothing unless asked, and then one message.
package final class NATSCheck: StreamCheck, ByteStreamOwner {
  private let options: NATSOptions
  private let subjects: [String]
  private let sends: Bool
  private let done: (Result<[String], TLSError>) -> Void
  private let inbox = "\(NATSUpstream.drawName())"
  private var tls: TLSContext?
  private var stream: ByteStream?
  private var info: NATSInfo?
  private var isGreeted = false
  private var stash: [UInt8] = []
  /// One after the other: the first is on its way.
  private var questions: [Question] = []
  private var findings: [String] = []
  private var streamsAsked: Set<String> = []
  /// Why messages couldn't go there, if so.
  private var obstacle: String?

  private enum Answer {
    case json(JSONTree)
    /// Nobody is there, or we may not ask.
    case refused(String)
  }

  private struct Question {
    let subject: String
    let body: String
    let tell: (Answer) -> Void
  }

  /// `done` is called once.
  package init(
    _ options: NATSOptions, route: String, sends: Bool,
    done: @escaping (Result<[String], TLSError>) -> Void
  ) {
    self.options = options
    self.sends = sends
    self.done = done
    let names = (0..<8).map { NATSOptions.subject(options.subject, route: route, lane: $0) }
    subjects = names.enumerated().filter { names.firstIndex(of: $1) == $0 }.map(\.element)
  }

  package func start(
    at endpoint: ByteStream.Endpoint, tls: TLSContext?, on loop: Loop, until deadline: UInt64
  ) {
    self.tls = tls
    let stream = ByteStream(to: endpoint, on: loop, owner: self)
    self.stream = stream
    stream.connect(until: Instant(nanoseconds: deadline))
  }

  package func streamOpened(_ stream: ByteStream) {
    if stream.security != nil { greet(stream) }
  }

  package func streamReceived(_ stream: ByteStream, _ bytes: UnsafeRawBufferPointer) {
    stash.append(contentsOf: bytes)
    while self.stream != nil {
      var place = 0
      switch stash.withUnsafeBytes({ NATSReader.read($0, at: place) }) {
      case .partial: return stream.flush()
      case .garbage(let what):
        return stream.end(.closedByUs("it sent \(what): this is no NATS server"))
      case .token(let token, let next):
        place = next
        heard(token, stream)
        stash.removeFirst(place)
        if tls != nil, info != nil, stream.security == nil, !stash.isEmpty {
          // Somebody on the way could have put it there, for us to believe it came encrypted.
          return stream.end(.closedByUs("it said more before TLS began"))
        }
      }
    }
  }

  private func heard(_ token: NATSReader.Token, _ stream: ByteStream) {
    switch token {
    case .info(let range): informed(Array(stash[range]), stream)
    case .message(_, let header, let payload):
      var answer = Answer.refused("no answer that could be read")
      if header.count > 12, payload.isEmpty {
        answer = .refused("nobody answers")
      } else if let json = JSONTree(stash[payload]) {
        answer = .json(json)
      }
      answered(answer, stream)
    case .ping: write("PONG\r\n", stream)
    case .pong where !isGreeted:
      isGreeted = true
      ask()
      askNext(stream)
    case .pong, .ok: break
    case .error(let range):
      let text = String(decoding: stash[range], as: UTF8.self)
      let complaint = NATSComplaint.error(text)
      let said = complaint.textWithAdvice
      guard isGreeted, text.hasPrefix("Permissions Violation for Publish") else {
        return stream.end(.closedByUs("it refuses us: \(said)"))
      }
      answered(.refused(said), stream)
    }
  }

  private func informed(_ json: [UInt8], _ stream: ByteStream) {
    guard info == nil else { return }
    guard let info = NATSInfo(json) else {
      return stream.end(.closedByUs("its INFO can't be read: this is no NATS server"))
    }
    self.info = info
    if let objection = info.objection(isEncrypted: options.isEncrypted) {
      return stream.end(.closedByUs(objection))
    }
    if let tls { stream.secure(by: tls) } else { greet(stream) }
  }

  private func greet(_ stream: ByteStream) {
    guard let info else { return }
    do throws(TLSError) {
      let greeting = try info.greeting(options)
      greeting.withUnsafeBytes { stream.output.append($0) }
    } catch {
      return stream.end(.closedByUs("we can't say who we are: \(error)"))
    }
    write("SUB \(options.inboxPrefix).\(inbox) 1\r\nPING\r\n", stream)
  }

  private func write(_ text: String, _ stream: ByteStream) {
    Array(text.utf8).withUnsafeBytes { stream.output.append($0) }
    stream.flush()
  }

  // MARK: Questions

  private func ask() {
    guard let info else { return }
    findings.append(
      "connected to NATS \(info.version)"
        + (stream?.security.map { ", secured by \($0)" } ?? ", not encrypted"))
    findings.append(
      "the largest message has \(info.payloadMax) bytes, with up to \(NATSEncoder.headerBytesMax) "
        + "of headers")
    if !info.others.isEmpty {
      findings.append("other servers of its cluster: \(info.others.joined(separator: ", "))")
    }
    questions.append(Question(subject: "$JS.API.INFO", body: "") { self.tellAccount($0) })
    for subject in subjects {
      questions.append(
        Question(
          subject: "$JS.API.STREAM.NAMES", body: "{\"subject\":\(JSONString.quoted(subject))}"
        ) {
          self.tellStreams($0, of: subject)
        })
    }
    guard sends, let subject = subjects.first else { return }
    questions.append(
      Question(subject: subject, body: "forebayd check-upstream") { self.tellSent($0, to: subject) }
    )
  }

  private func askNext(_ stream: ByteStream) {
    guard let question = questions.first else { return stream.end(.closedByUs("")) }
    write(
      "PUB \(question.subject) \(options.inboxPrefix).\(inbox) \(question.body.utf8.count)\r\n"
        + "\(question.body)\r\n", stream)
  }

  private func answered(_ answer: Answer, _ stream: ByteStream) {
    guard !questions.isEmpty else { return }
    questions.removeFirst().tell(answer)
    askNext(stream)
  }

  package func streamBusy(_ stream: ByteStream, _ isBusy: Bool) {}

  package func streamEnded(_ stream: ByteStream, _ ending: StreamEnding) {
    self.stream = nil
    if ending != .closedByUs("") { return done(.failure(TLSError(ending.description))) }
    if let obstacle {
      return done(.failure(TLSError((findings + [obstacle]).joined(separator: "\n  "))))
    }
    done(.success(findings))
  }

  // MARK: What is told

  private static func complaint(_ json: JSONTree) -> String? {
    json["error"].map { $0["description"]?.text ?? "an error" }
  }

  private func tellAccount(_ answer: Answer) {
    switch answer {
    case .refused(let why): findings.append("JetStream isn't there, or says nothing: \(why)")
    case .json(let json):
      if let complaint = Self.complaint(json) {
        return findings.append("JetStream says: \(complaint)")
      }
      findings.append(
        "JetStream: \(json["streams"]?.integer ?? 0) streams, "
          + "\(Self.bytes(json["storage"])) on disk of \(Self.limit(json["limits"]?["max_storage"])), "
          + "\(Self.bytes(json["memory"])) in memory of \(Self.limit(json["limits"]?["max_memory"]))"
      )
    }
  }

  private func tellStreams(_ answer: Answer, of subject: String) {
    switch answer {
    case .refused(let why):
      findings.append("which stream takes '\(subject)' isn't told: \(why)")
    case .json(let json):
      let names = json["streams"]?.list.compactMap(\.text) ?? []
      guard let name = names.first else {
        obstacle =
          obstacle
          ?? "no stream takes '\(subject)', so messages would wait: make one with that subject, or set "
          + "nats.subject"
        return
      }
      findings.append("'\(subject)' goes to stream '\(name)'")
      guard streamsAsked.insert(name).inserted else { return }
      // Before what else is to be asked.
      questions.insert(
        Question(subject: "$JS.API.STREAM.INFO.\(name)", body: "") { self.tellStream($0, name) },
        at: 0)
    }
  }

  private func tellStream(_ answer: Answer, _ name: String) {
    guard case .json(let json) = answer, let config = json["config"] else { return }
    let replicas = config["num_replicas"]?.integer ?? 1
    let isMemory = config["storage"]?.text == "memory"
    let retention = config["retention"]?.text ?? "limits"
    let discard = config["discard"]?.text ?? "old"
    let state = json["state"]
    findings.append(
      "'\(name)': \(isMemory ? "memory" : "file"), \(replicas) "
        + "replica\(replicas == 1 ? "" : "s"), retention \(retention), discard \(discard)")
    findings.append(
      "'\(name)' has \(state?["messages"]?.integer ?? 0) messages of "
        + "\(Self.limit(config["max_msgs"], "")), \(Self.bytes(state?["bytes"])) of "
        + "\(Self.limit(config["max_bytes"])); the largest message: "
        + "\(Self.limit(config["max_msg_size"]))")
    if let window = config["duplicate_window"]?.integer {
      findings.append("'\(name)' knows repetitions for \(window / 1_000_000_000) s")
    }
    findings += Self.remarks(
      name, isMemory: isMemory, replicas: replicas, retention: retention, discard: discard)
    if config["no_ack"]?.isTrue ?? false {
      obstacle = "'\(name)' confirms nothing (no_ack), so no message would ever be delivered"
    }
    if config["sealed"]?.isTrue ?? false { obstacle = "'\(name)' is sealed: it takes nothing more" }
  }

  private static func remarks(
    _ name: String, isMemory: Bool, replicas: Int, retention: String, discard: String
  ) -> [String] {
    var remarks: [String] = []
    if isMemory {
      remarks.append("durability: '\(name)' is in memory; its servers' end is its own")
    } else if replicas == 1 {
      remarks.append(
        "durability: '\(name)' is on one server's disk, written but not flushed (sync_interval)")
    }
    if retention == "interest" {
      remarks.append("'\(name)' keeps only what a consumer waits for, and confirms all the same")
    }
    if discard == "old" {
      remarks.append(
        "a full '\(name)' loses its oldest messages; with discard new it slows senders")
    }
    return remarks
  }

  private func tellSent(_ answer: Answer, to subject: String) {
    switch answer {
    case .refused(let why): obstacle = obstacle ?? "the message to '\(subject)' isn't taken: \(why)"
    case .json(let json):
      if let complaint = Self.complaint(json) {
        obstacle = obstacle ?? "the message to '\(subject)' isn't taken: \(complaint)"
      } else {
        findings.append(
          "sent one message to '\(subject)': number \(json["seq"]?.integer ?? 0) of "
            + "'\(json["stream"]?.text ?? "")'")
      }
    }
  }

  private static func bytes(_ json: JSONTree?) -> String { "\(json?.integer ?? 0) bytes" }

  /// Minus one is none.
  private static func limit(_ json: JSONTree?, _ unit: String = " bytes") -> String {
    guard let limit = json?.integer, limit >= 0 else { return "no limit" }
    return "\(limit)\(unit)"
  }
}
