import ForebayCore
import Testing

@testable import ForebayConfig

/// What a running daemon takes over, and what it leaves.
struct ReloadTests {
  private static let old = """
    sockets:
      - path: /a
      - path: /b
    routes:
      - name: one
        upstream: journal:/one
        rate: 5/s
      - name: two
        upstream: journal:/two
    classes:
      - name: fast
        weight: 2

    """

  private func reload(_ yaml: String) throws -> Reload {
    try loaded(Self.old).reloaded(with: loaded(yaml)).get()
  }

  @Test func nothingChangesNothing() throws {
    let reload = try reload(Self.old)
    #expect(reload.configuration == (try loaded(Self.old)))
    #expect(reload.changed == [] && reload.needsRestart == [])
  }

  @Test func whatCanChangeChanges() throws {
    let new =
      Self.old.replacing("5/s", with: "7/s").replacing("weight: 2", with: "weight: 3")
      .replacing("path: /b\n", with: "path: /b\n    class: fast\n") + "drain_timeout: 3s\n"
    let reload = try reload(new)
    #expect(
      reload.changed == [
        "drain_timeout: 3s", "sockets[1].class: fast", "routes[0].rate: 7/s",
        "classes[0].weight: 3",
      ])
    #expect(reload.needsRestart == [])
    #expect(reload.configuration == (try loaded(new)))
  }

  @Test func classesComeAndGo() throws {
    let reload = try reload(Self.old.replacing("name: fast", with: "name: slow"))
    #expect(reload.changed == ["classes[0].name: slow"])
    let none = try self.reload(String(Self.old.split(separator: "classes:")[0]))
    #expect(none.changed == ["classes[0].name: fast is gone"])
    #expect(none.configuration.settings.classes == [])
  }

  @Test func whatNeedsARestartIsSaidAndLeft() throws {
    let new = """
      peers:
        listen: 127.0.0.1:1
      limits:
        frame_bytes_max: 1KiB
        heartbeat: 1s
      sockets:
        - path: /c
        - path: /a
          mode: 0600
      routes:
        - name: two
          upstream: forebay+unix:/h
          rate: 9/s
        - name: one
          upstream: journal:/one
          burst: 3
          rate: 5/s
        - name: three
          upstream: journal:/three

      """
    let reload = try reload(new)
    #expect(
      reload.needsRestart == [
        "peers.listen: 127.0.0.1:1 instead of none",
        "limits.frame_bytes_max: 1KiB instead of 256KiB",
        "sockets: /c is new", "sockets: /b is gone", "sockets[0].mode: 0600 instead of 0660",
        "routes: three is new", "routes: their order is another",
        "routes[1].upstream: forebay+unix:/h instead of journal:/two",
      ])
    #expect(
      reload.changed == [
        "limits.heartbeat: 1s", "routes[0].burst: 3", "routes[1].rate: 9/s",
        "classes[0].name: fast is gone",
      ])
    let settings = reload.configuration.settings
    #expect(settings.sockets.map(\.path) == ["/a", "/b"])
    #expect(settings.routes.map(\.settings.name) == ["one", "two"])
    #expect(settings.limits.frameBytesMax == 262_144)
    #expect(reload.configuration.source("routes[1].rate") == .file("f.yaml", line: 13))
    #expect(reload.configuration.source("routes[1].upstream") == .file("f.yaml", line: 9))
    // Asked again, it still says what waits for a restart, and nothing else changes.
    let again = try reload.configuration.reloaded(with: loaded(new)).get()
    #expect(again.changed == [] && again.needsRestart == reload.needsRestart)
  }

  /// Shown they all look alike.
  @Test(arguments: [
    ("redis://:one@h", "redis://:two@h", "", "", "upstream"),
    (
      "redis://h", "redis://h", "redis: {password: one}", "redis: {password: two}", "redis.password"
    ),
    ("amqp://u@h", "amqp://u@h", "amqp: {password: one}", "amqp: {password: two}", "amqp.password"),
    ("nats://h", "nats://h", "nats: {token: one}", "nats: {token: two}", "nats.token"),
    ("nats://u@h", "nats://u@h", "nats: {password: a}", "nats: {password: b}", "nats.password"),
    (
      "kafka://u@h", "kafka://u@h", "kafka: {password: a}", "kafka: {password: b}", "kafka.password"
    ),
    (
      "http://h", "http://h", "http: {bearer_token: a}", "http: {bearer_token: b}",
      "http.bearer_token"
    ),
    ("http://u@h", "http://u@h", "http: {password: a}", "http: {password: b}", "http.password"),
    ("http://h/?a", "http://h/?b", "", "", "upstream"),
    (
      "http://h", "http://h", "http: {headers: ['X: a']}", "http: {headers: ['X: b']}",
      "http.headers"
    ),
  ])
  func anotherSecretNeedsARestart(
    _ oldURL: String, _ newURL: String, _ old: String, _ new: String, _ key: String
  ) throws {
    func yaml(_ url: String, _ more: String) -> String {
      "routes:\n  - name: one\n    upstream: \(url)\n    \(more)\n"
    }
    let running = try loaded(yaml(oldURL, old))
    let reload = try running.reloaded(with: loaded(yaml(newURL, new))).get()
    #expect(reload.needsRestart == ["routes[0].\(key): another one, which isn't shown"])
    #expect(reload.changed == [] && reload.configuration.settings == running.settings)
    #expect(try running.reloaded(with: loaded(yaml(oldURL, old))).get().needsRestart == [])
  }

  @Test func whatCantBeTogetherIsRefused() throws {
    let smaller = Self.old + "limits:\n  frame_bytes_max: 1KiB\n"
    let new = smaller.replacing("rate: 5/s", with: "buffer_bytes: 1200KiB")
    guard case .failure(let problems) = try loaded(Self.old).reloaded(with: loaded(new)) else {
      Issue.record("it was taken")
      return
    }
    #expect(
      problems.description
        == "f.yaml:7: routes[0].buffer_bytes: must be at least 1574272 bytes, not 1228800, to serve two "
        + "clients with frames of 262144 bytes; or lower the maximum frame; together with what needs a "
        + "restart it can't be taken over")
  }

  @Test(arguments: SettingsTable.rows.filter { $0.section.isEmpty && $0.kind == "time" }.map(\.key))
  func eachTimeIsTakenOver(_ key: String) throws {
    let parts = key.split(separator: ".")
    let yaml =
      parts.enumerated().map { String(repeating: "  ", count: $0) + "\($1):" }
      .joined(separator: "\n") + " 7s\n"
    let reload = try loaded().reloaded(with: loaded(yaml)).get()
    #expect(reload.changed == ["\(key): 7s"])
  }
}
