import Testing

@testable import ForebayConfig

@Suite struct HTTPAddressTests {
  @Test(arguments: [
    ("http://h", "http://h/"), ("https://h:443/a", "https://h/a"),
    ("http://h:443/", "http://h:443/"),
    ("https://[::1]:8443/x/{route}", "https://[::1]:8443/x/{route}"),
    ("http://us%40er@h/", "http://us%40er@h/"), ("https://u:p%2Fw@h/a", "https://u:***@h/a"),
    ("http://h/a?token=secret&k={key}", "http://h/a?***"), ("http://h?x", "http://h/?***"),
  ])
  func aURLIsReadAndItsSecretsNotShown(_ text: String, _ shown: String) throws {
    #expect(try UpstreamAddress(text).description == shown)
  }

  @Test func allPartsOfAURLAreThere() throws {
    guard case .http(let address) = try UpstreamAddress("https://u:p%2Fw@h/a%20b/{lane}?c=%20d")
    else { throw CancellationError() }
    #expect(address.user == "u" && address.password == "p/w" && address.isEncrypted)
    #expect(address.host == "h" && address.port == 443 && address.target == "/a%20b/{lane}?c=%20d")
    #expect(address.uses("{lane}") && !address.uses("{key}"))
  }

  @Test(arguments: [
    "http:h", "http://", "http:///x", "http://h:0", "http://h:x/", "http://h/a b", "http://h/ä",
    "http://h/#a", "http://h/{other}", "http://h/{route", "http://h/}", "http://:pa/ss@h",
  ])
  func aURLThatCanNotBeIsRefused(_ text: String) {
    do throws(UpstreamAddress.Problem) {
      _ = try UpstreamAddress(text)
      Issue.record("\(text) was read")
    } catch {
      #expect(!error.description.contains("ss@"), "it may be a part of a password")
    }
  }
}

@Suite struct HTTPSettingsTests {
  private func problems(
    _ url: String, _ change: (inout HTTPSettings) -> Void = { _ in }
  ) throws -> [String] {
    var target = RouteTarget()
    target.address = try UpstreamAddress(url)
    change(&target.http)
    return target.upstreamProblems(at: "r").map(\.key)
  }

  @Test func whatCanBeTogether() throws {
    #expect(try problems("https://u:p@h/{route}") { $0.format = .jsonArray } == [])
    #expect(try problems("http://h/{route}/{lane}/{key}") == [])
    #expect(try problems("https://h") { $0.usesHTTP2 = true } == [])
    #expect(
      try problems("https://h") {
        $0.format = .ndjson
        $0.hasEnvelope = true
        $0.bearerToken = "x"
      } == [])
  }

  @Test func whatCanNot() throws {
    #expect(try problems("http://u:p@h") { $0.password = "x" } == ["r.http.password"])
    #expect(try problems("http://u@h") { $0.user = "x" } == ["r.http.user"])
    #expect(try problems("http://u@h") { $0.bearerToken = "x" } == ["r.http.headers"])
    #expect(
      try problems("http://h") {
        $0.bearerToken = "x"
        $0.bearerTokenFile = "/x"
      } == ["r.http.bearer_token"])
    #expect(
      try problems("http://h/{key}/{lane}") { $0.format = .ndjson } == ["r.upstream", "r.upstream"])
    #expect(try problems("http://h") { $0.hasEnvelope = true } == ["r.http.envelope"])
    #expect(try problems("http://h") { $0.usesHTTP2 = true } == ["r.http.http2"])
  }

  @Test(arguments: ["X-A: b", "x:y", "Authorization: ApiKey abc"])
  func headersAreReadAndTheirValuesNotShown(_ text: String) throws {
    let form = Form<HTTPHeader>.header
    let header = try form.read(.quoted(text))
    #expect(header.text.hasPrefix(header.name.text + ": "))
    #expect(form.print(header) == "\(header.name.text):***")
  }

  @Test(arguments: [
    "", "X-A", ": b", "X A: b", "X-A:", "X-A: b\r\nX-C: d", "X-A: ä", "Content-Length: 3",
    "content-type: a", "Host: x", "Expect: 100-continue",
  ])
  func headersThatCanNotBe(_ text: String) {
    #expect(throws: FormProblem.self) { try Form<HTTPHeader>.header.read(.quoted(text)) }
  }

  @Test(arguments: [
    ("404=rejected", 404...404, HTTPStatusRule.Meaning.rejected),
    ("5xx=failed", 500...599, .failed),
    ("200=throttled", 200...200, .throttled), ("2xx=accepted", 200...299, .accepted),
  ])
  func rulesAreRead(_ text: String, _ statuses: ClosedRange<Int>, _ meaning: HTTPStatusRule.Meaning)
    throws
  {
    let rule = try #require(HTTPStatusRule(text))
    #expect(rule.statuses == statuses && rule.meaning == meaning && rule.text == text)
  }

  @Test(arguments: [
    "", "404", "404=", "404=lost", "=failed", "199=failed", "600=failed", "1xx=failed",
    "6xx=failed", "xx=failed", "4xx=failed=", "40x=failed",
  ])
  func rulesThatCanNotBe(_ text: String) { #expect(HTTPStatusRule(text) == nil) }
}
