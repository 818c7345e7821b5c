import CCurl
package import ForebayCore
package import ForebayTLS
import ForebayUV
import ForebayWire
import Glibc

/// An HTTP server as an upstream: a call is a request, its status the verdict.
///
/// libcurl connects, secures and speaks HTTP, on our loop (`HTTPTransfers`). It keeps no queue: no more
/// calls are out than it may have connections (with HTTP/2: than streams), and each is in flight.
package final class HTTPUpstream: Upstream {
  static let callMessagesMax = 256
  static let callBytesMax = 256 * 1024
  /// A request costs both sides some twenty microseconds: waiting a little for more is worth it while
  /// others are out.
  static let flushInterval = TimeSpan.milliseconds(2)
  /// Requests at once with HTTP/2, on all connections together.
  static let streamsMax = 64

  private unowned(unsafe) let owner: any UpstreamOwner
  private let loop: Loop
  private let route: UInt32
  private let options: HTTPOptions
  private let setUp: HTTPSetUp
  private let target: HTTPTarget
  private let encoder: HTTPEncoder
  private let statuses: HTTPStatusTable
  private var transfers: HTTPTransfers?
  /// As many as were ever needed at once.
  private var requests: [HTTPRequest] = []
  private var free: [HTTPRequest] = []
  /// Filled in this turn, for `flush`.
  private var filled: [HTTPRequest] = []
  private var news = HTTPNews()
  private var isKnown = false
  package let traits: UpstreamTraits

  package static func traits(_ options: HTTPOptions, frameBytesMax: Int) -> UpstreamTraits {
    var traits = UpstreamTraits()
    traits.kind = .batch
    traits.failsInOrder = false
    traits.connects = false
    traits.batchMessagesMax = options.isSingle ? 1 : callMessagesMax
    traits.batchBytesMax = callBytesMax
    traits.flushInterval = options.isSingle ? .zero : flushInterval
    traits.callsMax = options.usesHTTP2 ? streamsMax : options.connections
    traits.inFlightMessagesMax = traits.batchMessagesMax * traits.callsMax
    traits.inFlightBytesMax = max(16 << 20, 2 * frameBytesMax)
    return traits
  }

  package init(
    _ options: HTTPOptions, tls: TLSOptions?, place: UpstreamPlace
  ) throws {
    owner = place.owner
    loop = place.loop
    route = place.route
    self.options = options
    setUp = HTTPSetUp(options, try tls.map { try TLSContext(client: $0) })
    target = HTTPTarget(options.target, route: place.routeName)
    encoder = HTTPEncoder(options, target)
    statuses = HTTPStatusTable(options.statusRules)
    traits = Self.traits(options, frameBytesMax: place.frameBytesMax)
    transfers = try HTTPTransfers(on: loop, connections: options.connections, owner: self)
  }

  // MARK: Upstream

  package func dispatch(_ call: UInt32, _ core: borrowing Sidecar) {
    let request = free.popLast() ?? made()
    request.begin(call, messages: core.messageCount(ofCall: call))
    var place = 0
    core.eachStretch(ofCall: call) { stretch in
      encoder.encode(stretch, at: place, to: request)
      place += stretch.count
    }
    encoder.end(request)
    filled.append(request)
  }

  private func made() -> HTTPRequest {
    invariant(requests.count < traits.callsMax, "no more calls are out than we said we take")
    let request = HTTPRequest(setUp)
    transfers?.adopt(request.easy)
    setUp.applyMethod(to: request.easy)
    let type = options.contentType ?? HTTPEncoder.contentType(of: options.format)
    request.standardType = Array(type.utf8)
    if !target.varies { request.setURL(setUp.origin + target.filled(lane: 0, key: [])) }
    requests.append(request)
    return request
  }

  package func flush() {
    let ready = filled
    filled.removeAll(keepingCapacity: true)
    for request in ready {
      for unfit in request.unfit {
        owner.messagesSettled(
          request.call, unfit.message..<(unfit.message + 1), .rejected(unfit.code))
      }
      if request.fit == 0 {
        settle(request, .rejected(HTTPStatusTable.formatUnfit))
      } else if options.compresses {
        compress(request)
      } else {
        start(request, request.body.waiting)
      }
    }
  }

  private func start(_ request: HTTPRequest, _ body: UnsafeRawBufferPointer) {
    if target.varies {
      request.setURL(setUp.origin + target.filled(lane: request.lane, key: request.key))
    }
    if options.idHeader != nil { request.setID() }
    request.setBody(body)
    transfers?.add(request.easy)
    request.isUnderWay = true
  }

  private func compress(_ request: HTTPRequest) {
    let gzip = Gzip(request.body.waiting)
    request.gzip = gzip
    do throws(UVError) {
      try Work(on: loop, { gzip.run() }) { [weak self] _ in self?.compressed(request) }
    } catch {
      settle(request, .failed(retryAfter: nil))
    }
  }

  private func compressed(_ request: HTTPRequest) {
    guard transfers != nil, let gzip = request.gzip else { return }
    owner.upstreamCallbackBegan()
    guard !request.isGivenUp, !gzip.result.isEmpty else {
      return settle(request, .failed(retryAfter: nil))
    }
    start(request, gzip.result)
  }

  package func giveUp(_ call: UInt32) {
    guard let request = requests.first(where: { $0.isCarrying && $0.call == call }) else { return }
    guard request.isUnderWay else {
      // It is being compressed: its memory is free when that is over.
      request.isGivenUp = true
      return
    }
    transfers?.remove(request.easy)
    let wasSent = request.wasSent
    tell(-1, "no answer in time" + (wasSent ? "" : ", and no connection"))
    settle(request, wasSent ? .unknown : .failed(retryAfter: nil))
  }

  package func close() {
    guard let transfers else { return }
    self.transfers = nil
    for request in requests where request.isUnderWay { transfers.remove(request.easy) }
    transfers.close()
    // What is being compressed is kept by the work that does it.
    requests = []
    free = []
    filled = []
  }

  // MARK: Answers

  private func settle(_ request: HTTPRequest, _ verdict: CallVerdict) {
    let call = request.call
    request.end()
    free.append(request)
    owner.callSettled(call, verdict)
  }

  private func answered(_ request: HTTPRequest) {
    let status = request.status
    let retryAfter = request.retryAfter.flatMap { RetryAfter.span($0, now: Int64(time(nil))) }
    var verdict = HTTPVerdict.ofStatus(status, retryAfter: retryAfter, statuses)
    if status == 207, !options.isSingle {
      let results = request.answer.withUnsafeBytes {
        HTTPResults.read($0, messages: request.fit)
      }
      switch results {
      case .garbage(let what):
        tell(207, "says 207, and its answer can't be read: \(what)")
        return settle(request, .unknown)
      case .statuses(let all):
        verdict = .ofResults(
          all, messages: request.messages, unfit: request.unfit, retryAfter: retryAfter, statuses)
        if let worst = all.first(where: { !(200...299).contains($0) }) { tell(status: Int(worst)) }
      }
    }
    for part in verdict.parts { owner.messagesSettled(request.call, part.messages, part.verdict) }
    if verdict.rest == .accepted { worked(request) } else { tell(status: status) }
    settle(request, verdict.rest)
  }

  private func worked(_ request: HTTPRequest) {
    let isNews = news.worked(now: Instant(nanoseconds: loop.now))
    guard isNews || !isKnown else { return }
    isKnown = true
    let security = request.security.flatMap { $0.isEmpty ? nil : ", \($0)" } ?? ", not encrypted"
    owner.upstreamNoticed(
      route, "http upstream works: \(request.version)\(security)", isProblem: false)
  }

  private func tell(status: Int) {
    let advice = HTTPStatusTable.advice(status).map { " (\($0))" } ?? ""
    tell(status, "says \(status)\(advice)")
  }

  private func tell(_ kind: Int, _ text: String) {
    guard news.problem(kind, now: Instant(nanoseconds: loop.now)) else { return }
    owner.upstreamNoticed(route, "http upstream: \(text)", isProblem: true)
  }
}

extension HTTPUpstream: HTTPTransfersOwner {
  func transfersBegan() { owner.upstreamCallbackBegan() }

  func transferEnded(_ easy: UnsafeMutableRawPointer, _ result: CURLcode) {
    let request = HTTPRequest.of(easy)
    transfers?.remove(easy)
    guard result != CURLE_OK else { return answered(request) }
    tell(-1000 - Int(result.rawValue), request.complaint(result))
    settle(request, request.wasSent ? .unknown : .failed(retryAfter: nil))
  }
}
