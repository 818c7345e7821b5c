import Testing

@testable import ForebayConfig

@Suite struct KafkaSettingsTests {
  private func route(_ url: String = "kafka://h/t", _ lines: String...) -> String {
    "routes:\n  - name: r\n    upstream: \(url)\n" + lines.map { "    \($0)\n" }.joined()
  }

  @Test func propertiesOfTheLibraryAreReadAndSecretsNotShown() throws {
    let yaml = route(
      "kafka://h/t", "kafka:",
      "  options: [linger.ms=5, 'sasl.oauthbearer.client.secret=a=b', ssl.key.password=p]")
    guard case .success(let configuration) = load(yaml) else {
      Issue.record("\(problems(yaml))")
      return
    }
    let options = configuration.settings.routes[0].kafka.options
    #expect(
      options.map(\.name) == ["linger.ms", "sasl.oauthbearer.client.secret", "ssl.key.password"])
    #expect(options.map(\.value) == ["5", "a=b", "p"])
    let shown = configuration.value("routes[0].kafka.options") ?? ""
    #expect(shown.contains("linger.ms=5") && shown.contains("client.secret=***"), "\(shown)")
    #expect(!shown.contains("a=b") && !shown.contains("password=p"))
  }

  @Test(arguments: [
    ("acks=1", "leave it out"), ("request.required.acks=0", "leave it out"),
    ("enable.idempotence=false", "leave it out"), ("message.timeout.ms=1000", "attempt_timeout"),
    ("queue.buffering.max.messages=1", "in_flight.messages"),
    ("queue.buffering.max.kbytes=1", "in_flight.bytes"), ("retries=0", "attempt_timeout"),
    ("bootstrap.servers=x", "the URL"), ("security.protocol=ssl", "kafkas://"),
    ("sasl.password=hunter2", "kafka.password_file"), ("ssl.ca.location=/x", "tls.ca_file"),
    ("compression.type=lz4", "kafka.compression"), ("transactional.id=x", "leave it out"),
    ("test.mock.num.brokers=3", "nowhere"), ("delivery.report.only.error=true", "delivered"),
  ])
  func whatWouldBreakAPromiseIsRefused(_ property: String, _ instead: String) {
    let told = problems(route("kafka://h/t", "kafka:", "  options: ['\(property)']"))
    #expect(told.count == 1 && told[0].contains(instead), "\(told)")
    #expect(!told.description.contains("hunter2"))
  }

  @Test(arguments: ["linger.ms", "=1", "linger.ms:5"])
  func aPropertyIsANameAndAValue(_ text: String) {
    let told = problems(route("kafka://h/t", "kafka:", "  options: ['\(text)']"))
    #expect(told.count == 1 && told[0].contains("NAME=VALUE"), "\(told)")
  }

  @Test func aPasswordIsGivenOnceAndNeedsAUser() {
    let twice = problems(route("kafka://u:p@h/t", "kafka: {password: q}"))
    #expect(twice.count == 1 && twice[0].contains("several places"), "\(twice)")
    let nobodys = problems(route("kafka://h/t", "kafka: {password_file: /p}"))
    #expect(nobodys.count == 1 && nobodys[0].contains("without a user"), "\(nobodys)")
  }

  @Test func brokersHaveNamesOfTheirOwn() {
    let told = problems(route("kafkas://h/t", "tls: {server_name: x}"))
    #expect(told.count == 1 && told[0].contains("tls.server_name"), "\(told)")
  }
}
