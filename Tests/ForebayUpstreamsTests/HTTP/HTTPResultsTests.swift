import Testing

@testable import ForebayUpstreams

@Suite struct HTTPResultsTests {
  private func read(_ text: String, _ messages: Int) -> HTTPResults.Outcome {
    Array(text.utf8).withUnsafeBytes { HTTPResults.read($0, messages: messages) }
  }

  @Test func aStatusForEachMessage() {
    #expect(read(#"{"results":[{"status":200}]}"#, 1) == .statuses([200]))
    #expect(
      read(
        #" {"took": 1.5e3, "x": {"results": []}, "results": [ {"status": 202 , "id": "a"}, "#
          + #"{"error": {"why": ["é"]}, "status": 599} ], "more": null } "#, 2)
        == .statuses([202, 599]))
    #expect(read(#"{"results":[]}"#, 0) == .statuses([]))
  }

  @Test(arguments: [
    "", "{", "{}", "[]", "null", #"{"results":null}"#, #"{"results":{}}"#, #"{"results":[200]}"#,
    #"{"results":[{}]}"#, #"{"results":[{"status":"200"}]}"#, #"{"results":[{"status":199}]}"#,
    #"{"results":[{"status":600}]}"#, #"{"results":[{"status":200.0}]}"#,
    #"{"results":[{"status":-200}]}"#, #"{"results":[{"status":200,"status":200}]}"#,
    #"{"results":[{"status":200}]"#, #"{"results":[{"status":200}]}x"#,
    #"{"results":[{"status":200}],"results":[{"status":200}]}"#, #"{"results":[{"status":200},]}"#,
    #"{"results":[]}"#, #"{"results":[{"status":200},{"status":200}]}"#,
    #"{"Results":[{"status":200}]}"#, #"{"results":[{"status":20000000000000000000}]}"#,
    #"{"results":[{"status":200}],"x":}"#, #"{"results":[{"status":200,"x":tru}]}"#,
  ])
  func whatSaysNothingOfOneMessage(_ text: String) {
    guard case .garbage(let what) = read(text, 1) else {
      Issue.record("\(text) was taken")
      return
    }
    #expect(!what.isEmpty)
  }

  @Test func everyBeginningOfAnAnswerIsNone() {
    let whole = Array(
      #"{"a":[1,{"b":"é\n"}],"results":[{"status":200,"c":null},{"status":422}]}"#.utf8)
    for count in 0..<whole.count {
      let outcome = whole[..<count].withUnsafeBytes { HTTPResults.read($0, messages: 2) }
      guard case .garbage = outcome else {
        Issue.record("the first \(count) bytes were taken")
        return
      }
    }
    #expect(whole.withUnsafeBytes { HTTPResults.read($0, messages: 2) } == .statuses([200, 422]))
  }
}
