import CKafka

/// Who hears what a producer's queue has.
protocol KafkaEventsOwner: AnyObject {
  /// The library has let go of a message.
  func reported(_ message: UnsafePointer<rd_kafka_message_t>)
  func complained(_ code: rd_kafka_resp_err_t, _ text: String)
  func logged(_ facility: String, _ text: String, level: Int)
}

/// The events of a producer: reports, errors and the library's own log, a bounded share of them at a time.
struct KafkaEvents {
  /// Reports handled in one callback, give or take one event.
  static let turnMessagesMax = 2_048

  let queue: OpaquePointer

  /// Returns whether there may be more. The library tells only that its queue isn't empty any more.
  func hear(_ owner: some KafkaEventsOwner) -> Bool {
    var messages = 0
    var events = 0
    while messages < Self.turnMessagesMax, events < Self.turnMessagesMax {
      guard let event = rd_kafka_queue_poll(queue, 0) else { return false }
      events += 1
      messages += Self.hear(event, owner)
      rd_kafka_event_destroy(event)
    }
    return true
  }

  /// Returns how many messages it was about.
  private static func hear(_ event: OpaquePointer, _ owner: some KafkaEventsOwner) -> Int {
    switch rd_kafka_event_type(event) {
    case RD_KAFKA_EVENT_DR:
      var count = 0
      while let message = rd_kafka_event_message_next(event) {
        owner.reported(message)
        count += 1
      }
      return count
    case RD_KAFKA_EVENT_ERROR:
      let text = rd_kafka_event_error_string(event).map { String(cString: $0) } ?? ""
      owner.complained(rd_kafka_event_error(event), text)
      return 0
    case RD_KAFKA_EVENT_LOG:
      var facility: UnsafePointer<CChar>?
      var text: UnsafePointer<CChar>?
      var level: Int32 = 0
      if rd_kafka_event_log(event, &facility, &text, &level) == 0, let facility, let text {
        owner.logged(String(cString: facility), String(cString: text), level: Int(level))
      }
      return 0
    default: return 0
    }
  }
}
