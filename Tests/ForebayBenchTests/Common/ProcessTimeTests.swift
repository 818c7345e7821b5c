import Glibc
import Testing

@testable import forebay_bench

struct ProcessTimeTests {
  @Test func findsTheParentBehindAnyName() {
    #expect(ProcessTree.parent(inStat: "7 (nginx: worker) S 42 1 1 0") == 42)
    #expect(ProcessTree.parent(inStat: "7 (a) R 1 (b)) S 42 1") == 42)
    #expect(ProcessTree.parent(inStat: "") == nil)
    #expect(ProcessTree.parent(inStat: "7 (a)") == nil)
  }

  @Test func readsResidentMemory() {
    let status = "Name:\tx\nVmRSS:\t    5120 kB\nRssAnon:\t     640 kB\nRssFile:\t 4480 kB\n"
    let memory = ResidentMemory(status: status)
    #expect(memory.total == 5120)
    #expect(memory.anonymous == 640)
    #expect((memory + memory).anonymous == 1280)
    #expect(ResidentMemory(status: "") == ResidentMemory())
  }

  @Test func countsThisProcess() {
    let tree = ProcessTree(of: getpid())
    #expect(tree.members.first == getpid())
    #expect((tree.cpuTime() ?? 0) > 0)
    #expect(tree.memory().total > tree.memory().anonymous)
  }
}
