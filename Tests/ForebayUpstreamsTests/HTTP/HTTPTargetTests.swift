import Testing

@testable import ForebayUpstreams

@Suite struct HTTPTargetTests {
  @Test(arguments: [
    ("/", "/"), ("/in/{route}", "/in/ma-in"),
    ("/{lane}/x?k={key}&l={lane}", "/3/x?k=a%2Fb%20%C3%A4&l=3"),
    ("/{key}", "/a%2Fb%20%C3%A4"), ("/{other}/{", "/{other}/{"),
  ])
  func placesAreFilled(_ template: String, _ filled: String) {
    let target = HTTPTarget(template, route: "ma-in")
    #expect(target.filled(lane: 3, key: Array("a/b ä".utf8)) == filled)
  }

  @Test func onlyThoseThatVaryAreMadeAnew() {
    #expect(!HTTPTarget("/{route}", route: "r").varies)
    #expect(HTTPTarget("/{lane}", route: "r").varies)
    #expect(HTTPTarget("/{key}", route: "r").hasKey)
    #expect(!HTTPTarget("/{lane}", route: "r").hasKey)
  }

  @Test(arguments: [
    ("", false), (".", false), ("..", false), ("...", true), ("a", true), ("/", true),
  ])
  func keysThatAreNoStepsInAPath(_ key: String, _ isFit: Bool) {
    #expect(Array(key.utf8).withUnsafeBytes(HTTPTarget.isFit) == isFit)
    #expect(
      ![UInt8](repeating: 65, count: HTTPTarget.keyBytesMax + 1).withUnsafeBytes(HTTPTarget.isFit))
  }
}
