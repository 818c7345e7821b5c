import Glibc
import TestFolder
import Testing

/// The upstreams, each with its real server. A new one gets a case here, and passes all of
/// `UpstreamTests`.
enum TestedUpstream: String, CaseIterable, CustomTestStringConvertible {
  case amqp, kafka, redis, nats, http

  var testDescription: String { rawValue }

  /// A server of the test's own, which takes what comes.
  func server(in place: Workplace) async throws -> any StoppableServer {
    switch self {
    case .redis: return try await RedisServer.ready(in: place)
    case .nats:
      let server = try await NATSServer.ready(in: place)
      try await server.make()
      return server
    case .amqp: return try await RabbitQueue(on: try await RabbitServer.ready(in: place))
    case .kafka: return try await KafkaCluster.ready(in: place, partitions: 16)
    case .http: return try await ScriptedServer.ready(in: place)
    }
  }

  /// One that may be shared with others, and is fit for many messages.
  func busyServer(in place: Workplace) async throws -> any TestedServer {
    switch self {
    case .amqp: try await RabbitQueue(on: try await RabbitServer.shared())
    case .http: try await NginxServer.ready(in: place)
    case .redis, .nats, .kafka: try await server(in: place)
    }
  }

  /// Whether a server knows a message that comes once more after a lost connection.
  var knowsRepeats: Bool { self == .nats }

  // MARK: Mistakes

  func wrongPassword(in place: Workplace) async throws -> Mistake {
    let secrets = ["wr/ong", "wr%2Fong"]
    switch self {
    case .redis:
      let server = try await RedisServer.ready(in: place, ["--requirepass", "right"])
      server.password = "right"
      return Mistake(
        server: server, route: ["upstream: redis+unix://:wr%2Fong@\(server.socket)"],
        complaint: "WRONGPASS", advice: "user or password is wrong", secrets: secrets
      ) {
        try await server.ask("CONFIG", "SET", "requirepass", "wr/ong")
        server.password = "wr/ong"
      }
    case .nats:
      let users =
        "authorization { users: [ {user: t, password: t}, {user: app, password: \"wr/ong\"} ] }"
      let server = try await NATSServer.ready(in: place, users.replacing("wr/ong", with: "right"))
      server.login = "t:t@"
      try await server.make()
      return Mistake(
        server: server, route: ["upstream: nats://app:wr%2Fong@127.0.0.1:\(server.port)"],
        complaint: "Authorization Violation", advice: "is wrong, or missing", secrets: secrets
      ) { server.rewrite(users) }
    case .amqp:
      let server = try await RabbitServer.shared()
      let queue = try await RabbitQueue(on: server)
      try await server.addUser("app", password: "other")
      return Mistake(
        server: queue, route: ["upstream: '\(queue.url(login: "app:wr%2Fong@"))'"],
        complaint: "ACCESS_REFUSED",
        advice: "user or password is wrong", secrets: secrets
      ) { try await server.ctl("change_password", "app", "wr/ong") }
    case .http:
      let server = try await ScriptedServer.ready(in: place)
      server.say(#"{"token": "Bearer right"}"#)
      let token = place.write("wrong-token\n", to: "token")
      return Mistake(
        server: server, route: server.route + ["  bearer_token_file: \(token)"],
        complaint: "says 401", advice: "http.bearer_token_file", secrets: ["wrong-token"]
      ) { server.say(#"{"token": "Bearer wrong-token"}"#) }
    case .kafka:
      let cluster = try await KafkaCluster.ready(in: place, ["login", "app:right"])
      return Mistake(
        server: cluster, route: ["upstream: kafka://app:wr%2Fong@\(cluster.relays)"],
        complaint: "Authentication failed", advice: "kafka.sasl_mechanism is wrong",
        secrets: secrets
      ) { try await cluster.tell("login app:wr/ong") }
    }
  }

  /// The stream, queue, topic or path isn't there, or is something else.
  func wrongName(in place: Workplace) async throws -> Mistake {
    switch self {
    case .redis:
      let server = try await RedisServer.ready(in: place)
      try await server.ask("SET", "forebay", "a text")
      return Mistake(
        server: server, route: server.route, complaint: "WRONGTYPE", advice: "redis.stream"
      ) { try await server.ask("DEL", "forebay") }
    case .nats:
      let server = try await NATSServer.ready(in: place)
      return Mistake(
        server: server, route: server.route, complaint: "no stream takes 'forebay'",
        advice: "make a stream with this subject"
      ) { try await server.make() }
    case .amqp:
      let queue = try await RabbitQueue(on: try await RabbitServer.shared(), isDeclared: false)
      return Mistake(
        server: queue, route: queue.route, complaint: "NOT_FOUND", advice: "amqp.routing_key"
      ) { try await queue.declare() }
    case .kafka:
      let cluster = try await KafkaCluster.ready(in: place)
      try await cluster.tell("topic-error forebay 3")
      return Mistake(
        server: cluster, route: cluster.route, complaint: "nknown topic", advice: "create the topic"
      ) { try await cluster.tell("topic-error forebay 0") }
    case .http:
      let server = try await ScriptedServer.ready(in: place)
      server.say(#"{"do": "status", "status": 404}"#)
      return Mistake(
        server: server, route: server.route, complaint: "says 404", advice: "404"
      ) { server.say() }
    }
  }

  // MARK: TLS

  /// RabbitMQ's tests share a server, which has one certificate: `AMQPTLSTests` change what we expect.
  static let withCertificates = allCases.filter { $0 != .amqp }

  /// A server with one of the tests' certificates, and a route to it, whose lines for TLS are to follow.
  func encrypted(
    in place: Workplace, _ certificate: String
  ) async throws -> (server: any TestedServer, route: [String]) {
    let files = TestCertificates.shared
    let own = (file: files.file("\(certificate).pem"), key: files.file("\(certificate).key"))
    let authority = files.file("ca.pem")
    switch self {
    case .redis:
      let port = try freePort()
      let server = try await RedisServer.ready(
        in: place,
        [
          "--tls-port", "\(port)", "--bind", "127.0.0.1", "--tls-cert-file", own.file,
          "--tls-key-file", own.key, "--tls-ca-cert-file", authority, "--tls-auth-clients", "yes",
        ])
      return (server, ["upstream: rediss://127.0.0.1:\(port)"])
    case .nats:
      let server = try await NATSServer.ready(in: place, certificate: certificate)
      // Its clients trust nobody else, either.
      if certificate == "good" { try await server.make() }
      return (server, ["upstream: nats+tls://127.0.0.1:\(server.port)"])
    case .amqp:
      let queue = try await RabbitQueue(on: try await RabbitServer.shared())
      // Without a login the certificate would be one.
      return (queue, ["upstream: '\(queue.encryptedURL(login: "guest:guest@"))'"])
    case .http:
      let server = try await ScriptedServer.ready(in: place, tls: [own.file, own.key, authority])
      return (
        server, ["upstream: https://127.0.0.1:\(server.port)/in", "http: {format: ndjson}"]
      )
    case .kafka:
      let cluster = try await KafkaCluster.ready(
        in: place, ["tls", own.file, own.key, authority])
      return (cluster, ["upstream: kafkas://\(cluster.relays)"])
    }
  }

  /// What the log says of such a certificate.
  func objection(to certificate: String) -> String {
    switch (certificate, self) {
    case ("stranger", .http): "unable to get local issuer certificate"
    // librdkafka has one sentence for all of them.
    case (_, .kafka): "certificate verify failed"
    case ("stranger", _): "can't be trusted"
    case ("elsewhere", .http): "no alternative certificate subject name matches"
    case ("elsewhere", _): "isn't for 127.0.0.1"
    default: "expired"
    }
  }
}
