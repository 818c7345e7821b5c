import ForebayConfig
import ForebayCore

// Where the whole stands, in the words of operators.
extension Daemon {
  /// Nothing held, no credit out, on any route.
  var isEmpty: Bool { (0..<core.routeCount).allSatisfy { core.isEmpty(route: $0) } }

  /// It will end; that can't be undone.
  var isEnding: Bool {
    switch core.lifecycle {
    case .running, .withdrawn: false
    case .draining, .drained: true
    }
  }

  /// Drained while it still runs: an operator took it out of service.
  var lifecycleName: String {
    switch core.lifecycle {
    case .running: "running"
    case .withdrawn: isEmpty ? "drained" : "draining"
    case .draining: "draining"
    case .drained: "drained"
    }
  }

  var notReadyReason: String? { core.lifecycle == .running ? nil : lifecycleName }

  var routeNames: [String] { settings.routes.map(\.settings.name) }
  func upstreamAddress(_ index: Int) -> String { "\(settings.routes[index].address)" }
}
