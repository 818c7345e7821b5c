import CKafka
import Testing

@testable import ForebayUpstreams

@Suite struct KafkaComplaintTests {
  @Test(arguments: [
    (
      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, KafkaComplaint.Meaning.rejected(KafkaComplaint.tooLarge)
    ),
    (RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, .rejected(KafkaComplaint.tooLarge)),
    (RD_KAFKA_RESP_ERR_INVALID_RECORD, .rejected(KafkaComplaint.invalidRecord)),
    (RD_KAFKA_RESP_ERR__PURGE_QUEUE, .purged), (RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, .purged),
    (RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, .failed),
    (RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, .failed),
    (RD_KAFKA_RESP_ERR__AUTHENTICATION, .failed),
    (RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, .failed),
    (RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, .failed), (RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, .failed),
    (RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, .failed), (RD_KAFKA_RESP_ERR__QUEUE_FULL, .failed),
    (RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, .failed), (RD_KAFKA_RESP_ERR_POLICY_VIOLATION, .failed),
    (RD_KAFKA_RESP_ERR_UNKNOWN, .failed), (RD_KAFKA_RESP_ERR__TRANSPORT, .failed),
    (RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, .failed),
  ])
  func eachHasItsMeaning(_ code: rd_kafka_resp_err_t, _ meaning: KafkaComplaint.Meaning) {
    #expect(KafkaComplaint(code).meaning == meaning)
    #expect(!KafkaComplaint(code).text.isEmpty)
  }

  @Test(arguments: [
    RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
    RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
    RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR__SSL,
  ])
  func whatCanBeRepairedSaysHow(_ code: rd_kafka_resp_err_t) {
    #expect(KafkaComplaint(code).advice != nil)
  }
}
