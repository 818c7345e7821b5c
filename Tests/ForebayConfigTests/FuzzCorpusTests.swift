import FuzzSupport
import Testing

struct FuzzCorpusTests {
  @Test func nothingInTheCorpusDoesHarm() {
    #expect(Corpus.problems(of: ConfigFuzz.self) == [])
  }
}
