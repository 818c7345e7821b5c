import CKafka
import ForebayTLS
import ForebayWire
import Testing

@testable import ForebayUpstreams

@Suite struct KafkaConfigurationTests {
  private func options(_ properties: [(String, String)] = []) -> KafkaOptions {
    var options = KafkaOptions()
    options.bootstrap = "a:1,b:2"
    options.properties = properties.map { KafkaOptions.Property($0.0, $0.1) }
    return options
  }

  private func made(_ options: KafkaOptions) throws -> KafkaConfiguration {
    try KafkaConfiguration(options, inFlightMessagesMax: 100, inFlightBytesMax: 1 << 20)
  }

  private func value(_ name: String, of configuration: KafkaConfiguration) -> String {
    var size = 512
    var text = [CChar](repeating: 0, count: size)
    guard rd_kafka_conf_get(configuration.raw, name, &text, &size) == RD_KAFKA_CONF_OK else {
      return "?"
    }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  @Test func whatMakesOurPromisesTrueIsSet() throws {
    let configuration = try made(options())
    #expect(value("enable.idempotence", of: configuration) == "true")
    #expect(value("acks", of: configuration) == "-1")
    #expect(value("message.timeout.ms", of: configuration) == "0")
    #expect(value("socket.nagle.disable", of: configuration) == "true")
    #expect(value("queue.buffering.max.messages", of: configuration) == "200")
    #expect(value("security.protocol", of: configuration) == "plaintext")
    #expect(value("bootstrap.servers", of: configuration) == "a:1,b:2")
  }

  @Test func anOperatorsPropertiesComeAfterWhatSuitsAndBeforeWhatBinds() throws {
    let configuration = try made(
      options([("linger.ms", "20"), ("enable.idempotence", "false"), ("partitioner", "murmur2")]))
    #expect(value("linger.ms", of: configuration) == "20")
    #expect(value("enable.idempotence", of: configuration) == "true")
    #expect(value("partitioner", of: configuration) == "murmur2")
  }

  @Test(arguments: [("no.such.thing", "1"), ("linger.ms", "soon")])
  func aPropertyThatCanNotBeIsRefused(_ name: String, _ value: String) {
    #expect(throws: KafkaConfiguration.Failure.self) { try made(options([(name, value)])) }
  }

  @Test func batchesStopTheProducerAndSingleMessagesDoNot() throws {
    let configuration = try made(options())
    let whole = try configuration.copy(.whole)
    #expect(value("enable.gapless.guarantee", of: whole) == "true")
    #expect(value("batch.num.messages", of: whole) == "10000")
    let alone = try configuration.copy(.alone)
    #expect(value("enable.gapless.guarantee", of: alone) == "false")
    #expect(value("batch.num.messages", of: alone) == "1")
  }

  @Test func userAndCertificatesMakeTheProtocol() throws {
    var login = options()
    login.user = "app"
    login.password = "s3cret"
    login.mechanism = "SCRAM-SHA-256"
    let plain = try made(login)
    #expect(value("security.protocol", of: plain) == "sasl_plaintext")
    #expect(value("sasl.mechanisms", of: plain) == "SCRAM-SHA-256")
    #expect(value("sasl.username", of: plain) == "app")
    var tls = TLSOptions()
    tls.authorityFile = "/ca.pem"
    tls.certificateFile = "/own.pem"
    login.tls = tls
    let secured = try made(login)
    #expect(value("security.protocol", of: secured) == "sasl_ssl")
    #expect(value("ssl.ca.location", of: secured) == "/ca.pem")
    #expect(value("ssl.key.location", of: secured) == "/own.pem", "it is in there, too")
    #expect(value("enable.ssl.certificate.verification", of: secured) == "true")
    #expect(value("ssl.endpoint.identification.algorithm", of: secured) == "https")
    tls.verifies = false
    login.tls = tls
    login.user = nil
    login.mechanism = "PLAIN"
    let open = try made(login)
    #expect(value("security.protocol", of: open) == "ssl")
    #expect(value("enable.ssl.certificate.verification", of: open) == "false")
  }

  @Test func topicsAreNamedByRouteAndLane() {
    var options = KafkaOptions()
    options.topic = "a.{route}.{lane}"
    #expect(options.topics(route: "main", lanes: 3) == ["a.main.0", "a.main.1", "a.main.2"])
  }

  @Test(arguments: [0, 1, 9, 10, 12_345, UInt64.max])
  func anIDIsTagAndSequence(_ sequence: UInt64) {
    var text = IDText(ID128(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210))
    for number in [UInt64.max, sequence] {
      text.withText(number) {
        #expect(
          String(decoding: $0, as: UTF8.self) == "0123456789abcdeffedcba9876543210-\(number)")
      }
    }
  }
}

@Suite struct KafkaNoticesTests {
  private let topicDenied = KafkaComplaint(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)

  @Test func oneThingIsToldOnceUntilSomethingWorks() {
    var notices = KafkaNotices(isVerbose: false)
    for _ in 0..<3 { notices.complained(topicDenied) }
    #expect(notices.take().count == 1)
    notices.complained(topicDenied)
    #expect(notices.take().isEmpty)
    notices.accepted()
    notices.complained(topicDenied)
    #expect(notices.take().count == 1)
  }

  @Test func theLibrarysLogIsToldWhereItSaysMore() {
    var notices = KafkaNotices(isVerbose: false)
    notices.logged("FAIL", "connect refused", level: 3)
    notices.logged("PROTOERR", "a broker sent nonsense", level: 3)
    notices.logged("INIT", "all is well", level: 6)
    #expect(
      notices.take() == [
        KafkaNotices.Notice(text: "PROTOERR: a broker sent nonsense", isProblem: true)
      ])
  }

  @Test func theLastErrorIsKeptForTheReasonOfALoss() {
    var notices = KafkaNotices(isVerbose: false)
    notices.failed("refused", KafkaComplaint(RD_KAFKA_RESP_ERR__TRANSPORT))
    #expect(notices.lastError == "refused")
    notices.accepted()
    #expect(notices.lastError == nil)
  }
}
