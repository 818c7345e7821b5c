import ForebayCore
import ForebayUV

/// A program in C that sends the same messages without forebayd between.
struct NativeClient: Sendable {
  let kind: UpstreamKind
  let program: String
  let address: String
  /// A folder for what it prints.
  let scratch: String

  /// Makes what messages go to, empty.
  func prepare() throws { _ = try run(["prepare", address]) }

  /// `rate` in messages a second; nil: as many as the window allows.
  func measure(_ length: RunLength, rate: Double? = nil) throws -> RunFigures {
    let text = try run([
      "run", address, "--window", "\(kind.window)", "--payload", "\(Self.payloadBytes)",
      "--seconds", seconds(length.throughput), "--warm-up", seconds(length.warmUp),
      "--rate", decimal(rate ?? 0, places: 3),
    ])
    guard let figures = Self.figures(in: text) else {
      throw Children.Failure(description: "\(program) printed \(text)")
    }
    return figures
  }

  static let payloadBytes = 128

  static func figures(in text: String) -> RunFigures? {
    guard let json = JSONValue(text),
      let messages = json["messages"]?.count, let rate = json["messagesPerSecond"]?.double,
      let cpu = json["cpuNsPerMessage"]?.double, let p50 = json["p50Microseconds"]?.double,
      let p99 = json["p99Microseconds"]?.double
    else { return nil }
    return RunFigures(
      cpuNsPerMessage: cpu, messagesPerSecond: rate, latencyP50Microseconds: p50,
      latencyP99Microseconds: p99, messages: messages, memory: ResidentMemory())
  }

  private func seconds(_ span: TimeSpan) -> String {
    decimal(Double(span.nanoseconds) / 1e9, places: 3)
  }

  private func run(_ arguments: [String]) throws -> String {
    guard let output = ProgramOutput.of([program] + arguments, scratch: scratch) else {
      throw Children.Failure(description: "\(program) can't be started")
    }
    guard output.ending == .exited(0) else {
      throw Children.Failure(description: "\(program): \(output.text)")
    }
    return output.text
  }
}
