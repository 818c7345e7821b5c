import CKafka
import ForebayWire

/// Asks a Kafka cluster what an operator wants to know before messages go to it. It sends nothing unless
/// asked, and then one message.
///
/// It blocks: it is for a program that does nothing else.
package enum KafkaCheck {
  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  /// What was found, a line each.
  package static func run(
    _ options: KafkaOptions, route: String, sends: Bool, milliseconds: Int
  ) throws -> [String] {
    let configuration = try KafkaConfiguration(
      options, inFlightMessagesMax: 1_000, inFlightBytesMax: 1 << 20
    ).copy(.whole)
    // There are events, so that nothing of the library is printed past us.
    var text = [CChar](repeating: 0, count: 512)
    guard let producer = rd_kafka_new(RD_KAFKA_PRODUCER, configuration.raw, &text, text.count)
    else {
      throw Failure(
        description: String(terminated: text))
    }
    configuration.taken()
    rd_kafka_set_log_queue(producer, nil)
    var check = Check(producer: producer, deadline: Int64(milliseconds))
    defer { check.end() }
    let names = options.topics(route: route, lanes: WireLimits.lanesMax)
    let topics = names.enumerated().filter { names.firstIndex(of: $1) == $0 }.map(\.element)
    try check.look(topics, security: options)
    if sends, let name = topics.first { try check.send(to: name) }
    return check.findings
  }

  private struct Check {
    let producer: OpaquePointer
    let queue: OpaquePointer
    let deadline: Int64
    var findings: [String] = []

    init(producer: OpaquePointer, deadline: Int64) {
      self.producer = producer
      self.deadline = deadline
      queue = rd_kafka_queue_get_main(producer)!
    }

    func end() {
      rd_kafka_purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
      rd_kafka_queue_destroy(queue)
      rd_kafka_destroy(producer)
    }

    // MARK: Looking

    mutating func look(_ topics: [String], security: KafkaOptions) throws {
      var missing = 0
      for (index, name) in topics.enumerated() {
        let metadata = try ask(name)
        defer { rd_kafka_metadata_destroy(metadata) }
        if index == 0 { tellCluster(metadata, security) }
        guard metadata.pointee.topic_cnt > 0 else { continue }
        let topic = metadata.pointee.topics[0]
        if topic.err == RD_KAFKA_RESP_ERR_NO_ERROR {
          tell(topic, name)
          findings += settings(of: name)
        } else {
          missing += 1
          findings.append("topic '\(name)': \(Self.said(topic.err))")
        }
      }
      guard missing < topics.count else {
        throw Failure(
          description: (findings + ["no message can go there"]).joined(separator: "\n  "))
      }
    }

    /// Asks once more where the topic is in the making. A cluster that refuses us says so by an event.
    private func ask(_ name: String) throws -> UnsafePointer<rd_kafka_metadata> {
      let topic = rd_kafka_topic_new(producer, name, nil)
      guard let topic else {
        throw Failure(description: "topic '\(name)': \(Self.said(rd_kafka_last_error()))")
      }
      defer { rd_kafka_topic_destroy(topic) }
      var left = deadline
      var code = RD_KAFKA_RESP_ERR_NO_ERROR
      var isSecond = false
      while left > 0 {
        var found: UnsafePointer<rd_kafka_metadata>?
        let patience = min(left, left < 8_000 ? 2_000 : 500)
        code = rd_kafka_metadata(producer, 0, topic, &found, Int32(patience))
        left -= patience
        if code == RD_KAFKA_RESP_ERR_NO_ERROR, let found {
          let isInMaking =
            found.pointee.topic_cnt > 0
            && found.pointee.topics[0].err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
          guard isInMaking, !isSecond else { return found }
          isSecond = true
          rd_kafka_metadata_destroy(found)
        }
        if let complaint = errors() { throw Failure(description: complaint) }
      }
      throw Failure(description: "it doesn't answer: \(Self.said(code))")
    }

    /// What makes it pointless to go on asking.
    private func errors() -> String? {
      var last: String?
      var isHopeless = false
      while let event = rd_kafka_queue_poll(queue, 0) {
        defer { rd_kafka_event_destroy(event) }
        guard rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR else { continue }
        let code = rd_kafka_event_error(event)
        if code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN {
          isHopeless = true
          continue
        }
        isHopeless = isHopeless || code == RD_KAFKA_RESP_ERR__AUTHENTICATION
        let text = rd_kafka_event_error_string(event).map { String(cString: $0) } ?? ""
        last = text + (KafkaComplaint(code).advice.map { " (\($0))" } ?? "")
      }
      return isHopeless ? last ?? "no broker can be reached" : nil
    }

    private static func said(_ code: rd_kafka_resp_err_t) -> String {
      let complaint = KafkaComplaint(code)
      return complaint.text + (complaint.advice.map { " (\($0))" } ?? "")
    }

    // MARK: What is told

    private mutating func tellCluster(
      _ metadata: UnsafePointer<rd_kafka_metadata>, _ security: KafkaOptions
    ) {
      var how = security.tls == nil ? ", not encrypted" : ", secured by TLS"
      if let user = security.user { how += ", as \(user) by \(security.mechanism)" }
      findings.append("connected" + how)
      if let id = rd_kafka_clusterid(producer, 0) {
        findings.append("cluster \(String(cString: id))")
        rd_kafka_mem_free(producer, id)
      }
      let controller = rd_kafka_controllerid(producer, 0)
      for index in 0..<Int(metadata.pointee.broker_cnt) {
        let broker = metadata.pointee.brokers[index]
        findings.append(
          "broker \(broker.id) at \(String(cString: broker.host)):\(broker.port)"
            + (broker.id == controller ? ", the controller" : ""))
      }
    }

    private mutating func tell(_ topic: rd_kafka_metadata_topic, _ name: String) {
      let partitions = (0..<Int(topic.partition_cnt)).map { topic.partitions[$0] }
      let replicas = partitions.map { Int($0.replica_cnt) }.min() ?? 0
      findings.append(
        "topic '\(name)': \(partitions.count) partitions, \(replicas) replicas each")
      let leaders = Set(partitions.map(\.leader).filter { $0 >= 0 }).sorted()
      findings.append("led by \(leaders.map { "broker \($0)" }.joined(separator: ", "))")
      for partition in partitions where partition.leader < 0 {
        findings.append("partition \(partition.id) has no leader: its messages would wait")
      }
      for partition in partitions where partition.isr_cnt < partition.replica_cnt {
        findings.append(
          "partition \(partition.id): \(partition.isr_cnt) of \(partition.replica_cnt) replicas in sync"
        )
      }
      if replicas == 1 {
        findings.append("durability: one replica, so what was delivered can be lost with its disk")
      }
    }

    /// Those settings of a topic that decide what "delivered" is worth, where we may see them.
    private func settings(of name: String) -> [String] {
      guard let resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name) else {
        return []
      }
      defer { rd_kafka_ConfigResource_destroy(resource) }
      let answers = rd_kafka_queue_new(producer)!
      defer { rd_kafka_queue_destroy(answers) }
      let options = rd_kafka_AdminOptions_new(producer, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS)
      defer { rd_kafka_AdminOptions_destroy(options) }
      var text = [CChar](repeating: 0, count: 256)
      rd_kafka_AdminOptions_set_request_timeout(options, 2_000, &text, text.count)
      var resources: [OpaquePointer?] = [resource]
      rd_kafka_DescribeConfigs(producer, &resources, 1, options, answers)
      guard let event = rd_kafka_queue_poll(answers, 3_000) else { return [] }
      defer { rd_kafka_event_destroy(event) }
      guard rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR,
        let result = rd_kafka_event_DescribeConfigs_result(event)
      else { return ["its settings can't be seen: \(Self.said(rd_kafka_event_error(event)))"] }
      return Self.settings(in: result)
    }

    private static func settings(in result: OpaquePointer) -> [String] {
      var resourceCount = 0
      guard
        let resources = rd_kafka_DescribeConfigs_result_resources(result, &resourceCount),
        resourceCount > 0, let resource = resources[0]
      else { return [] }
      let code = rd_kafka_ConfigResource_error(resource)
      guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
        return ["its settings can't be seen: \(said(code))"]
      }
      var count = 0
      guard let entries = rd_kafka_ConfigResource_configs(resource, &count) else { return [] }
      return (0..<count).compactMap { index in
        let name = String(cString: rd_kafka_ConfigEntry_name(entries[index]))
        guard
          ["min.insync.replicas", "max.message.bytes", "cleanup.policy"].contains(name),
          let value = rd_kafka_ConfigEntry_value(entries[index])
        else { return nil }
        return "\(name): \(String(cString: value))"
      }
    }

    // MARK: Sending

    mutating func send(to name: String) throws {
      guard let topic = rd_kafka_topic_new(producer, name, nil) else { return }
      defer { rd_kafka_topic_destroy(topic) }
      let payload = Array("forebayd check-upstream".utf8)
      let code = payload.withUnsafeBytes {
        forebay_kafka_produce(
          producer, topic, RD_KAFKA_PARTITION_UA, $0.baseAddress, $0.count, nil, 0, nil, nil)
      }
      guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
        throw Failure(description: "no message can be sent: \(Self.said(code))")
      }
      var left = deadline
      while left > 0 {
        let patience = min(left, 200)
        left -= patience
        guard let event = rd_kafka_queue_poll(queue, Int32(patience)) else { continue }
        defer { rd_kafka_event_destroy(event) }
        guard rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR,
          let message = rd_kafka_event_message_next(event)
        else { continue }
        guard message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else {
          throw Failure(description: "a message isn't taken: \(Self.said(message.pointee.err))")
        }
        findings.append(
          "sent one message to '\(name)': partition \(message.pointee.partition), "
            + "offset \(message.pointee.offset)")
        return
      }
      throw Failure(description: "a message was sent, and nothing is said of it")
    }
  }
}
