import ForebayCore
import Testing

@testable import forebay_bench

extension Scene {
  /// A moment of act 1.
  static var slowed: Scene {
    var scene = Scene()
    scene.elapsed = .milliseconds(8_230)
    scene.act = "act 1: slowed by windows"
    (scene.offered, scene.admitted, scene.delivered) = (99_958, 9_986.4, 10_002.6)
    (scene.sentTotal, scene.deliveredTotal, scene.waitingTotal) = (81_567, 78_363, 692_694)
    scene.producers = [
      Producer(
        number: 1, inUse: 800, window: 800, blockedShare: 1, reason: "WINDOW_MAXIMUM"),
      Producer(number: 2, inUse: 1, window: 640, blockedShare: 0.256, reason: nil),
      Producer(number: 3, inUse: 0, window: 0, blockedShare: 0, reason: nil),
      Producer(number: 4, inUse: 401, window: 401, blockedShare: 0.994, reason: "FAIR_SHARE"),
      Producer(number: 5, inUse: 799, window: 800, blockedShare: 0.5, reason: nil),
    ]
    scene.buffer = Buffer(held: 4_000, bound: 5_000)
    scene.hub = Buffer(held: 1_600, bound: 2_000)
    scene.notes = [
      Note(at: .milliseconds(200), text: "First."), Note(at: .milliseconds(4_150), text: "Second."),
    ]
    return scene
  }

  /// A moment of act 2.
  static var broken: Scene {
    var scene = slowed
    scene.elapsed = .milliseconds(14_000)
    scene.act = "act 2: the upstream is killed"
    (scene.admitted, scene.delivered, scene.hub) = (0, 0, nil)
    for index in scene.producers.indices {
      scene.producers[index] = Producer(
        number: index + 1, inUse: 800, window: 800, blockedShare: 1, reason: "BREAKER_OPEN")
    }
    scene.breaker.state = "open"
    scene.breaker.consecutiveFailures = 6
    scene.breaker.openings = 1
    scene.breaker.probes = 1
    scene.notes += [
      Note(at: .milliseconds(12_400), text: "Third."),
      Note(at: .milliseconds(13_200), text: "Fourth."),
    ]
    return scene
  }
}

@Suite struct DemoViewTests {
  @Test(arguments: [("slowed", Scene.slowed), ("broken", .broken)], [80, 120])
  func draws(_ moment: (name: String, scene: Scene), columns: Int) {
    let text = View(DemoSettings(), columns: columns).lines(moment.scene)
      .map { $0.rendered(columns: columns, isColoured: false) + "\n" }.joined()
    #expect(text == Golden.text("\(moment.name)-\(columns)"), "\(text)")
  }

  @Test(arguments: [80, 97, 120], [Scene(), .slowed, .broken])
  func keepsToItsSize(columns: Int, scene: Scene) {
    var scene = scene
    scene.producers = Scene.slowed.producers
    let view = View(DemoSettings(), columns: columns)
    let lines = view.lines(scene)
    #expect(lines.count == view.lineCount)
    #expect(view.lineCount <= 23)
    for line in lines { #expect(line.width <= columns, "\(line)") }
  }

  @Test func coloursTakeNoCells() {
    var line = StyledLine("held", .bold)
    line.add(" ███░░", .blue)
    #expect(line.width == 10)
    #expect(line.rendered(columns: 80, isColoured: false) == "held ███░░")
    #expect(line.rendered(columns: 6, isColoured: false) == "held █")
    #expect(
      line.rendered(columns: 6, isColoured: true) == "\u{1b}[1mheld\u{1b}[0m\u{1b}[34m █\u{1b}[0m")
  }

  @Test func printsALineWhereThereIsNoTerminal() {
    let view = PlainView(settings: DemoSettings())
    let text = [PlainView.heading, view.line(.slowed), view.line(.broken)]
      .map { $0 + "\n" }.joined()
    #expect(text == Golden.text("plain"), "\(text)")
    #expect(view.note(Scene.slowed.notes[1]) == "  4.2s  -- Second.")
  }
}

/// The views as they should be, in files beside this one.
private enum Golden {
  static func text(_ name: String) -> String {
    let folder = #filePath.prefix(through: #filePath.lastIndex(of: "/")!)
    return readFile(folder + "Golden/" + name + ".txt") ?? "there is no \(name).txt"
  }
}
