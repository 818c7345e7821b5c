#if PlantedBugs
  import Glibc
  import Testing

  @testable import ForebayCore

  /// Plants one bug after the other and looks how soon the simulation finds it: `make planted`.
  ///
  ///     PLANTED_PART=1/2     the first of two processes that share the work
  ///     PLANTED_BUG=name     this one alone
  ///     PLANTED_SEEDS=n      give up after so many
  @Suite(.serialized) struct PlantedBugTests {
    @Test func everyPlantedBugIsFound() {
      for bug in Environment.bugs {
        let found = search(bug, seeds: Environment.seeds)
        guard let seed = found.seed else {
          Issue.record("\(bug) isn't found in \(Environment.seeds) seeds: \(bug.rawValue)")
          continue
        }
        print("planted: \(bug)\t\(seed)\t\(found.by)")
        fflush(nil)
      }
    }

    /// What finds the planted bugs finds nothing where there are none.
    @Test func withoutABugNothingIsFound() {
      let found = search(nil, seeds: Environment.seedsWithout)
      #expect(found.seed == nil, "\(found.by)")
    }

    private struct Finding {
      /// Nil: not found.
      var seed: UInt64?
      var by = ""
    }

    /// All seeds in one child process: what a broken invariant ends tells by its last words.
    private func search(_ bug: PlantedBug?, seeds: UInt64) -> Finding {
      let answer = Apart.run { pen in
        plantedBug = bug
        for seed in 1...seeds {
          alarm(60)
          pen.write("\(seed)\n")
          if let failure = Simulation.run(Script(seed: seed)).failure {
            pen.write(failure.text)
            return 1
          }
        }
        return 0
      }
      if answer.status == 0 { return Finding() }
      let lines = answer.said.split(separator: "\n")
      let seed = lines.compactMap { UInt64($0) }.last
      let words = lines.first { UInt64($0) == nil }.map(String.init) ?? ""
      return Finding(seed: seed, by: answer.status == nil ? answer.lastWords : words)
    }

    private enum Environment {
      static func text(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
      static var seeds: UInt64 { text("PLANTED_SEEDS").flatMap { UInt64($0) } ?? 1000 }
      static var seedsWithout: UInt64 { min(seeds, 100) }
      static var bugs: [PlantedBug] {
        if let name = text("PLANTED_BUG") {
          return PlantedBug.allCases.filter { "\($0)" == name }
        }
        let part = (text("PLANTED_PART") ?? "1/1").split(separator: "/").map { Int($0) ?? 1 }
        return PlantedBug.allCases.enumerated()
          .filter { $0.offset % part[1] == part[0] - 1 }.map(\.element)
      }
    }
  }
#endif
