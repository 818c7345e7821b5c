/// How each proxy is set up: one thread, no logs, and nothing else that it needn't do. The result of
/// a comparison shows these texts.
enum ProxyFiles {
  static let nginxStreamModule = "/usr/lib/nginx/modules/ngx_stream_module.so"
  /// More than any load of a comparison opens.
  private static let connectionsMax = 4096

  struct File: Equatable, Sendable {
    let name: String
    let text: String
  }

  static func files(_ proxy: Proxy, at place: RunPlace, isRoot: Bool) -> [File] {
    switch proxy.kind {
    case .relay, .forebayd: []
    case .haproxy: [File(name: "haproxy.cfg", text: haproxy(place, tuning: ""))]
    case .haproxyLarge:
      [File(name: "haproxy.cfg", text: haproxy(place, tuning: "\n  tune.bufsize 65536"))]
    case .nginx:
      [
        File(
          name: "nginx.conf",
          text: nginx(place, module: proxy.module ?? nginxStreamModule, isRoot: isRoot))
      ]
    case .envoy: [File(name: "envoy.yaml", text: envoy(place))]
    }
  }

  static func command(_ proxy: Proxy, at place: RunPlace, _ scenario: Scenario) -> [String] {
    let folder = place.directory
    return switch proxy.kind {
    case .relay: [proxy.program, place.socket, place.sink]
    case .haproxy, .haproxyLarge: [proxy.program, "-q", "-f", "\(folder)/haproxy.cfg"]
    case .nginx: [proxy.program, "-p", folder, "-e", "stderr", "-c", "\(folder)/nginx.conf"]
    case .envoy:
      [
        proxy.program, "--config-path", "\(folder)/envoy.yaml", "--concurrency", "1",
        "--disable-hot-restart", "--log-level", "off",
      ]
    case .forebayd: forebayd(proxy.program, place, scenario)
    }
  }

  /// Credit, fair shares, breaker, retries, receipts and accounting can't be switched off; nothing of
  /// it is made smaller here. Only windows and buffer are set, so that clients may have as much out
  /// as through the others.
  private static func forebayd(
    _ program: String, _ place: RunPlace, _ scenario: Scenario
  ) -> [String] {
    [
      program, "--socket", place.socket, "--admin-socket", place.admin,
      "--upstream", "forebay+unix:\(place.sink)",
      "--buffer-messages", "\(scenario.bufferMessages)", "--buffer-bytes", scenario.bufferBytes,
      "--window-messages", "\(scenario.window)", "--log-level", "warning",
    ]
  }

  /// The command of a forebayd that lets one user have so many clients.
  static func letting(_ clients: Int, _ command: [String]) -> [String] {
    let count = "\(clients + 1_000)"
    return ["/usr/bin/env", "FOREBAY_LIMITS_SESSIONS_PER_PRINCIPAL_MAX=\(count)"] + command
      + ["--connections-max", count, "--connections-per-user-max", count]
  }

  /// As it comes it moves 16 KiB at a time, and its manual strongly recommends to leave it so.
  private static func haproxy(_ place: RunPlace, tuning: String) -> String {
    """
    global
      nbthread 1
      maxconn \(connectionsMax)\(tuning)
    defaults
      mode tcp
      timeout connect 10s
      timeout client 1h
      timeout server 1h
    frontend in
      bind unix@\(place.socket)
      default_backend out
    backend out
      server sink unix@\(place.sink)

    """
  }

  /// The worker of a master that is root would be another user, who may not enter our folder.
  private static func nginx(_ place: RunPlace, module: String, isRoot: Bool) -> String {
    """
    load_module \(module);
    \(isRoot ? "user root;\n" : "")daemon off;
    worker_processes 1;
    error_log stderr emerg;
    pid \(place.directory)/nginx.pid;
    events { worker_connections \(2 * connectionsMax); }
    stream {
      access_log off;
      proxy_buffer_size 64k;
      proxy_timeout 1h;
      server {
        listen unix:\(place.socket);
        proxy_pass unix:\(place.sink);
      }
    }

    """
  }

  private static func envoy(_ place: RunPlace) -> String {
    """
    static_resources:
      listeners:
      - name: in
        address: { pipe: { path: "\(place.socket)" } }
        filter_chains:
        - filters:
          - name: envoy.filters.network.tcp_proxy
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
              stat_prefix: in
              cluster: out
              idle_timeout: 0s
      clusters:
      - name: out
        type: STATIC
        connect_timeout: 10s
        circuit_breakers:
          thresholds:
          - { max_connections: \(connectionsMax), max_pending_requests: \(connectionsMax) }
        load_assignment:
          cluster_name: out
          endpoints:
          - lb_endpoints:
            - endpoint: { address: { pipe: { path: "\(place.sink)" } } }

    """
  }
}
