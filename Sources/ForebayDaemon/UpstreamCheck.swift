package import ForebayConfig
import ForebayCore
import ForebayStore
import ForebayTLS
import ForebayUV
import ForebayUpstreams
import ForebayWire

/// `forebayd check-upstream`: connects, authenticates, and says what it found, as the daemon would see it.
package enum UpstreamCheck {
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  /// What was found, a line each. `sends`: one message goes there, too.
  package static func run(_ route: RouteTarget, sends: Bool) throws -> [String] {
    let loop = try Loop()
    defer { try? loop.finish() }
    let outcome = Outcome()
    let deadline = Loop.now + UpstreamConnection.connectTimeout.nanoseconds
    // A server that accepts and says nothing.
    let timer = try Timer(on: loop) {
      outcome.result = outcome.result ?? .failure(TLSError("it doesn't answer"))
      loop.stop()
    }
    timer.fire(at: deadline)
    func ended(_ result: Result<[String], TLSError>) {
      outcome.result = outcome.result ?? result
      loop.stop()
    }
    var checks: [AnyObject] = []
    func begin(
      _ check: some StreamCheck, at endpoint: ByteStream.Endpoint, isEncrypted: Bool
    ) throws {
      let tls = isEncrypted ? try TLSContext(client: route.tlsOptions) : nil
      check.start(at: endpoint, tls: tls, on: loop, until: deadline)
      checks.append(check)
    }
    switch route.address {
    case .journal(let path): return try journal(path, sends: sends)
    case .redis(let address):
      try begin(
        RedisCheck(
          try route.redisOptions(address), route: route.settings.name, sends: sends, done: ended),
        at: address.endpoint, isEncrypted: address.isEncrypted)
    case .amqp(let address):
      try begin(
        AMQPCheck(
          try route.amqpOptions(address), route: route.settings.name, sends: sends,
          sequence: SystemSeed.draw(), done: ended),
        at: address.endpoint, isEncrypted: address.isEncrypted)
    case .nats(let address):
      try begin(
        NATSCheck(
          try route.natsOptions(address), route: route.settings.name, sends: sends, done: ended),
        at: address.endpoints[0], isEncrypted: address.isEncrypted)
    case .http(let address):
      let check = try HTTPCheck(
        try route.httpOptions(address), tls: address.isEncrypted ? route.tlsOptions : nil,
        route: route.settings.name, sends: sends, on: loop, done: ended)
      check.start()
      checks.append(check)
    case .kafka(let address):
      return try KafkaCheck.run(
        try route.kafkaOptions(address), route: route.settings.name, sends: sends,
        milliseconds: Int(UpstreamConnection.connectTimeout.nanoseconds / 1_000_000))
    case .peerUnix, .peerTCP:
      if sends { throw Failure(description: "a peer isn't sent a message by a check") }
      let check = PeerCheck(
        session: ID128(high: SystemSeed.draw(), low: SystemSeed.draw()), done: ended)
      check.start(at: peerEndpoint(route.address), on: loop, until: deadline)
      checks.append(check)
    }
    if outcome.result == nil { loop.run() }
    withExtendedLifetime(checks) {}
    switch outcome.result {
    case .success(let findings): return findings
    case .failure(let error): throw Failure(description: error.text)
    case nil: throw Failure(description: "it doesn't answer")
    }
  }

  private final class Outcome {
    var result: Result<[String], TLSError>?
  }

  private static func peerEndpoint(_ address: UpstreamAddress) -> ByteStream.Endpoint {
    switch address {
    case .peerUnix(let path): .unix(path: path)
    case .peerTCP(let host, let port): .tcp(host: host, port: port)
    case .journal, .redis, .nats, .http, .kafka, .amqp: brokenInvariant("only peers have links")
    }
  }

  /// It is only read: whoever writes it may be running.
  private static func journal(_ path: String, sends: Bool) throws -> [String] {
    if sends { throw Failure(description: "a journal has one writer, which is the daemon") }
    do throws(StoreError) {
      _ = try JournalReader(path: path)
      return ["'\(path)' is a journal"]
    } catch {
      guard error.kind == .cannotOpen else { throw Failure(description: "\(error)") }
      return ["\(error)", "the daemon makes it when it starts"]
    }
  }
}
