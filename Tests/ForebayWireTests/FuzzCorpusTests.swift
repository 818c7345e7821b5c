import FuzzSupport
import Testing

struct FuzzCorpusTests {
  @Test(arguments: [FramesFuzz.self, ControlFuzz.self] as [any FuzzTarget.Type])
  func nothingInTheCorpusDoesHarm(_ target: any FuzzTarget.Type) {
    #expect(Corpus.problems(of: target) == [])
  }
}
