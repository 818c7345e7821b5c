import Testing

@testable import ForebayConfig

/// A configuration as a test writes it; the file is called `f.yaml`.
func load(
  _ yaml: String? = nil, variables: [(String, String)] = [], options: [(String, String)] = []
) -> Result<Configuration, ConfigurationProblems> {
  var inputs = ConfigurationInputs(path: "f.yaml")
  inputs.variables = variables.map { .init($0, $1) }
  inputs.options = options.map { .init($0, $1) }
  return ConfigurationLoader.load(inputs, text: Array((yaml ?? "").utf8))
}

func loaded(
  _ yaml: String? = nil, variables: [(String, String)] = [], options: [(String, String)] = [],
  sourceLocation: SourceLocation = #_sourceLocation
) throws -> Configuration {
  let result = load(yaml, variables: variables, options: options)
  if case .failure(let problems) = result {
    Issue.record("\(problems)", sourceLocation: sourceLocation)
  }
  return try result.get()
}

/// What is wrong, a line each; none if it can be used.
func problems(
  _ yaml: String? = nil, variables: [(String, String)] = [], options: [(String, String)] = []
) -> [String] {
  if case .failure(let problems) = load(yaml, variables: variables, options: options) {
    return problems.problems.map(\.description)
  }
  return []
}

extension Configuration {
  func value(_ key: String) -> String? { rows.first { $0.key == key }?.value }
}

/// A generator whose seed is printed where it fails.
struct Seeded: RandomNumberGenerator {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}
