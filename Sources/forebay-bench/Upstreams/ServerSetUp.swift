import Glibc

/// How a server is started for the benchmark, what the native client is told of it, and how forebayd's
/// route leads there. As fast as the system goes: in memory where it can be told so.
struct ServerSetUp: Sendable {
  struct Process: Sendable {
    let name: String
    let words: [String]
    /// It ends with its standard input, and says on its standard output where it is.
    var tells = false
  }

  /// In the order in which they are started.
  var processes: [Process]
  var files: [ProxyFiles.File] = []
  /// HOST:PORT, the path of a Unix socket, or a URL, as the native client takes it. Here and in the
  /// route `told` stands for what a process says.
  var address: String
  /// Settings of forebayd's route; the first is the upstream.
  var route: [String]

  static let told = "{told}"

  /// Nil if its server isn't installed.
  static func of(_ kind: UpstreamKind, in folder: String, isRoot: Bool) throws -> ServerSetUp? {
    switch kind {
    case .redis: redis(folder)
    case .nats: try nats(folder)
    case .amqp: try rabbitMQ(folder)
    case .kafka: kafka()
    case .http: try nginx(folder, isRoot: isRoot)
    }
  }

  private static func port() throws -> UInt16 {
    guard let port = freePort() else { throw Children.Failure(description: "no port is free") }
    return port
  }

  /// Without an append-only file; the stream is kept at about 100 000 entries by both.
  private static func redis(_ folder: String) -> ServerSetUp? {
    guard let program = executable("redis-server") else { return nil }
    let socket = folder + "/redis.sock"
    return ServerSetUp(
      processes: [
        Process(
          name: "redis-server",
          words: [
            program, "--unixsocket", socket, "--port", "0", "--dir", folder, "--save", "",
            "--appendonly", "no", "--loglevel", "warning",
          ])
      ], address: socket,
      route: [
        "upstream: redis+unix://\(socket)", "redis: {stream: bench, maxlen: 100000}",
      ])
  }

  /// The native client makes its stream, in memory.
  private static func nats(_ folder: String) throws -> ServerSetUp? {
    guard let program = executable("nats-server") ?? executable("/usr/sbin/nats-server") else {
      return nil
    }
    let port = try port()
    return ServerSetUp(
      processes: [
        Process(
          name: "nats-server",
          words: [
            program, "-a", "127.0.0.1", "-p", "\(port)", "-js", "-sd", folder, "-l",
            folder + "/nats.log",
          ])
      ], address: "127.0.0.1:\(port)",
      route: ["upstream: nats://127.0.0.1:\(port)", "nats: {subject: bench}"])
  }

  /// Past Debian's wrapper, which changes to a user of its own. Its name server is started beside it: it
  /// would stay otherwise.
  private static func rabbitMQ(_ folder: String) throws -> ServerSetUp? {
    guard let program = executable("/usr/lib/rabbitmq/bin/rabbitmq-server"),
      let epmd = executable("epmd")
    else { return nil }
    let (port, names, cluster) = (try port(), try port(), try port())
    let variables = [
      "HOME=\(folder)", "RABBITMQ_NODENAME=bench@localhost", "RABBITMQ_MNESIA_BASE=\(folder)/db",
      "RABBITMQ_LOG_BASE=\(folder)/log", "RABBITMQ_ENABLED_PLUGINS_FILE=\(folder)/plugins",
      "RABBITMQ_CONFIG_FILE=\(folder)/rabbitmq.conf", "RABBITMQ_CONF_ENV_FILE=\(folder)/none",
      "RABBITMQ_GENERATED_CONFIG_DIR=\(folder)/generated",
      "RABBITMQ_FEATURE_FLAGS_FILE=\(folder)/flags", "RABBITMQ_PID_FILE=\(folder)/pid",
      "RABBITMQ_NODE_PORT=\(port)", "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
      "RABBITMQ_DIST_PORT=\(cluster)", "ERL_EPMD_PORT=\(names)", "ERL_EPMD_ADDRESS=127.0.0.1",
      "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=-kernel inet_dist_use_interface {127,0,0,1} "
        + "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
    ]
    return ServerSetUp(
      processes: [
        Process(name: "epmd", words: [epmd, "-port", "\(names)", "-address", "127.0.0.1"]),
        Process(name: "rabbitmq-server", words: ["/usr/bin/env"] + variables + [program]),
      ],
      files: [
        ProxyFiles.File(name: "plugins", text: "[].\n"),
        ProxyFiles.File(name: "rabbitmq.conf", text: "log.console = false\n"),
      ], address: "127.0.0.1:\(port)",
      route: ["upstream: amqp://guest:guest@127.0.0.1:\(port)/", "amqp: {routing_key: bench}"])
  }

  /// librdkafka's mock brokers in a process of their own. They keep five megabytes a partition.
  private static func kafka() -> ServerSetUp? {
    guard let program = executable("out/kafka-cluster") else { return nil }
    return ServerSetUp(
      processes: [Process(name: "kafka-cluster", words: [program, "1", "4"], tells: true)],
      address: told, route: ["upstream: kafka://\(told)/bench"])
  }

  /// It takes the body, and answers at once. Messages have any bytes in them, so they aren't lines.
  private static func nginx(_ folder: String, isRoot: Bool) throws -> ServerSetUp? {
    guard let program = executable("nginx") ?? executable("/usr/sbin/nginx") else { return nil }
    let port = try port()
    let text = """
      \(isRoot ? "user root;\n" : "")daemon off;
      worker_processes 1;
      error_log stderr emerg;
      pid \(folder)/nginx.pid;
      events { worker_connections 1024; }
      http {
        access_log off;
        keepalive_requests 1000000000;
        client_body_buffer_size 256k;
        client_body_temp_path \(folder)/body;
        proxy_temp_path \(folder)/proxy;
        fastcgi_temp_path \(folder)/fastcgi;
        uwsgi_temp_path \(folder)/uwsgi;
        scgi_temp_path \(folder)/scgi;
        server {
          listen 127.0.0.1:\(port);
          location / { return 204; }
        }
      }

      """
    return ServerSetUp(
      processes: [
        Process(
          name: "nginx",
          words: [program, "-p", folder, "-e", "stderr", "-c", folder + "/nginx.conf"])
      ], files: [ProxyFiles.File(name: "nginx.conf", text: text)],
      address: "http://127.0.0.1:\(port)/",
      route: [
        "upstream: http://127.0.0.1:\(port)/",
        // As the native client, whose connections know nothing of each other.
        "ordered: false",
        "http: {format: length_prefixed, connections: \(UpstreamKind.httpConnections)}",
        "batch: {messages: \(UpstreamKind.httpBatch)}",
      ])
  }
}
