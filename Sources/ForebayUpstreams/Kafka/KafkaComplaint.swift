import CKafka
import ForebayWire

/// What a Kafka cluster, or the library, complains of, and what that means for the messages.
///
/// Only what is the message's own fault rejects it. Whatever an operator can repair keeps the messages:
/// they wait behind the breaker until it is repaired.
struct KafkaComplaint: Complaint, Equatable, Sendable {
  enum Meaning: Equatable, Sendable {
    /// The message, or another one that went with it, will never be taken.
    case rejected(MessageCode)
    /// It can't be done now, or isn't allowed.
    case failed
    /// We took it back ourselves: it says nothing of the cluster.
    case purged
  }

  let meaning: Meaning
  let code: rd_kafka_resp_err_t
  /// What to do about it, for the log.
  let advice: String?

  /// Above 699, where Kafka's codes begin: larger than the topic takes (`max.message.bytes`).
  static let tooLarge = MessageCode(rawValue: 700)
  /// The cluster's own check of the record refuses it: a topic that is compacted wants keys.
  static let invalidRecord = MessageCode(rawValue: 701)

  init(_ code: rd_kafka_resp_err_t) {
    self.code = code
    (meaning, advice) = Self.judge(code)
  }

  var text: String { String(cString: rd_kafka_err2str(code)) }

  private static func judge(_ code: rd_kafka_resp_err_t) -> (Meaning, String?) {
    switch code {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
      (
        .rejected(tooLarge),
        "larger than the topic's max.message.bytes, or than message.max.bytes in kafka.options"
      )
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
      (.rejected(invalidRecord), "the topic's rules refuse it; a compacted topic wants keys")
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT,
      RD_KAFKA_RESP_ERR__DESTROY:
      (.purged, nil)
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      (.failed, "its ACLs don't allow this user WRITE and DESCRIBE on the topic")
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      (.failed, "its ACLs don't allow this user IDEMPOTENT_WRITE on the cluster")
    case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      (.failed, "user, password or kafka.sasl_mechanism is wrong")
    case RD_KAFKA_RESP_ERR__SSL:
      (.failed, "TLS failed: see tls.ca_file, tls.cert_file, and whether the URL should say kafkas")
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      (
        .failed,
        "create the topic, name another one, or grant DESCRIBE: without it a topic isn't shown"
      )
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      (.failed, "this is no name that a topic can have")
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      (.failed, "the topic has fewer partitions than before: it was made anew")
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
      (.failed, "a policy of the cluster refuses it")
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE:
      (.failed, "the cluster doesn't take kafka.compression's kind")
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
      (.failed, "fewer replicas are in sync than min.insync.replicas wants")
    default: (.failed, nil)
    }
  }
}
