import ForebayWire
import Testing

@testable import ForebayConfig

/// What is made from the table and kept in the repository is as the table is now.
struct PrintedTests {
  private static let root = #filePath.split(separator: "/").dropLast(4).map(String.init)

  private func file(_ name: String) throws -> String {
    let path = "/" + (Self.root + [name]).joined(separator: "/")
    return String(decoding: try ConfigurationFile.read(path), as: UTF8.self)
  }

  @Test func theSampleIsCurrent() throws {
    #expect(try file("deploy/forebay.yaml") == Sample.text, "run make settings")
  }

  @Test func theSchemaIsCurrent() throws {
    #expect(try file("deploy/forebay.schema.json") == Schema.text, "run make settings")
  }

  @Test func theManualIsCurrent() throws {
    let manual = try file("OPERATIONS.md")
    #expect(Manual.updated(manual) == manual, "run make settings")
  }

  @Test func theSampleSaysTheDefaults() throws {
    #expect(try loaded(Sample.text).settings == DaemonSettings())
  }

  /// A '#' right before a key only switches it off.
  @Test func everythingInTheSampleIsADefault() throws {
    let lines = Sample.text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      let indent = line.prefix { $0 == " " }
      let rest = line.dropFirst(indent.count)
      let isComment = rest.hasPrefix("# ") && !rest.hasPrefix("#  ")
      return rest.hasPrefix("#") && !isComment ? indent + rest.dropFirst() : line
    }
    // A burst means nothing without a rate, and is none by default.
    let configuration = try loaded(lines.joined(separator: "\n"))
    var settings = DaemonSettings()
    settings.classes = [ClassRule()]
    #expect(configuration.settings == settings)
    let said = configuration.rows.filter { $0.source == .standard }
    #expect(said.map(\.key) == [])
  }

  @Test func thePlanSaysWhatAStartWouldDo() throws {
    let yaml = """
      sockets:
        - path: /run/a.sock
          mode: 0666
          class: batch
      peers:
        listen: 127.0.0.1:7420
      routes:
        - name: r
          upstream: forebay+unix:/run/hub.sock
          buffer_bytes: 16MiB
      classes:
        - name: batch

      """
    #expect(
      try loaded(yaml, options: [("rate", "5/m")]).plan == """
        listens on  /run/a.sock, mode 0666, class batch
        listens on  127.0.0.1:7420 for peers
        operators   /run/forebay-admin/admin.sock, mode 0600
        route       r to forebay+unix:/run/hub.sock, holding up to 10000 messages in 16MiB
        class       batch
        class       default
        setting     peers.listen: 127.0.0.1:7420  (f.yaml:6; default none)
        setting     sockets[0].path: /run/a.sock  (f.yaml:2; default /run/forebay/client.sock)
        setting     sockets[0].mode: 0666  (f.yaml:3; default 0660)
        setting     sockets[0].class: batch  (f.yaml:4; default none)
        setting     routes[0].name: r  (f.yaml:8; default default)
        setting     routes[0].upstream: forebay+unix:/run/hub.sock  (f.yaml:9; default journal:/var/lib/forebay/journal.db)
        setting     routes[0].buffer_bytes: 16MiB  (f.yaml:10; default 64MiB)
        setting     routes[0].rate: 5/m  (--rate; default none)
        setting     classes[0].name: batch  (f.yaml:12; default default)
        """)
  }

  @Test func textsAreQuotedWhereYAMLNeedsIt() {
    #expect(YAMLText.printed("/run/a-b.sock") == "/run/a-b.sock")
    #expect(YAMLText.printed("journal:/x") == "journal:/x")
    for text in ["", "none", "True", "1", "a: b", "a #b", "[a", "- a", "a:", "é", "a\"b"] {
      #expect(YAMLText.printed(text) == JSONString.quoted(text))
    }
  }
}
