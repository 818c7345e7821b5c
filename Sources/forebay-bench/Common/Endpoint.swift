import ArgumentParser
import ForebayUV

/// Where to listen or connect: a path (of a Unix socket), `unix:PATH` or `tcp:HOST:PORT`.
enum Endpoint: ExpressibleByArgument, Equatable, Sendable {
  case unix(String)
  case tcp(host: String, port: UInt16)

  init?(argument: String) {
    if argument.hasPrefix("tcp:") {
      let rest = argument.dropFirst(4)
      guard let colon = rest.lastIndex(of: ":"),
        let port = UInt16(rest[rest.index(after: colon)...])
      else { return nil }
      let host = rest[..<colon].trimmingBrackets()
      guard !host.isEmpty else { return nil }
      self = .tcp(host: host, port: port)
    } else {
      let path = argument.hasPrefix("unix:") ? String(argument.dropFirst(5)) : argument
      guard !path.isEmpty else { return nil }
      self = .unix(path)
    }
  }
}

extension Substring {
  fileprivate func trimmingBrackets() -> String {
    hasPrefix("[") && hasSuffix("]") ? String(dropFirst().dropLast()) : String(self)
  }
}
