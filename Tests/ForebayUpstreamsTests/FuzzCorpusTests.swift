import FuzzSupport
import Testing

struct FuzzCorpusTests {
  @Test(
    arguments: [RedisFuzz.self, AMQPFuzz.self, NATSFuzz.self, HTTPResultsFuzz.self]
      as [any FuzzTarget.Type])
  func nothingInTheCorpusDoesHarm(_ target: any FuzzTarget.Type) {
    #expect(Corpus.problems(of: target) == [])
  }
}
