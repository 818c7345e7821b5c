import FuzzSupport
import Testing

struct FuzzCorpusTests {
  @Test(arguments: [SessionFuzz.self, LinkFuzz.self, WorldFuzz.self] as [any FuzzTarget.Type])
  func nothingInTheCorpusDoesHarm(_ target: any FuzzTarget.Type) {
    #expect(Corpus.problems(of: target) == [])
  }
}
