import Glibc

/// Looks for the programs that are to be compared.
enum ProxySearch {
  private enum Found {
    case proxy(Proxy)
    case missing(String)
  }

  /// All that are there, and of the others what is missing.
  static func find(_ kinds: [ProxyKind], scratch: String) -> ([Proxy], missing: [String]) {
    var proxies: [Proxy] = []
    var missing: [String] = []
    for kind in kinds {
      switch find(kind, scratch: scratch) {
      case .proxy(let proxy): proxies.append(proxy)
      case .missing(let reason): missing.append("\(kind.title): \(reason)")
      }
    }
    return (proxies, missing)
  }

  private static func find(_ kind: ProxyKind, scratch: String) -> Found {
    guard let program = kind.candidates.lazy.compactMap(executable).first else {
      return .missing("no \(kind.candidates[0]); `make deps-bench` installs it")
    }
    var proxy = Proxy(
      kind: kind, program: program, version: version(of: program, kind, scratch: scratch))
    if !kind.modules.isEmpty {
      guard let module = kind.modules.first(where: { access($0, R_OK) == 0 }) else {
        return .missing("no \(kind.modules[0]); `make deps-bench` installs it")
      }
      proxy.module = module
    }
    return .proxy(proxy)
  }

  private static func version(of program: String, _ kind: ProxyKind, scratch: String) -> String {
    guard let option = kind.versionOption else { return "" }
    return ProgramOutput.of([program, option], scratch: scratch).flatMap {
      versionNumber(in: $0.text)
    }
      ?? ""
  }
}
