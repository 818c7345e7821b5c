import Testing

@testable import ForebayDaemon

/// OPERATIONS.md says of each command what the daemon's own table says.
struct ManualTests {
  @Test func listsEveryCommand() throws {
    let root = #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }
    let manual = Workplace.read("\(root)/OPERATIONS.md")
    try #require(!manual.isEmpty)
    let lines = manual.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let start = try #require(lines.firstIndex { $0.hasPrefix("<!-- commands:") })
    let listed = lines[(start + 3)...].prefix { $0.hasPrefix("|") }
    let expected = AdminCommand.table.map(Self.row)
    #expect(Array(listed) == expected, "it should be:\n\(expected.joined(separator: "\n"))")
  }

  private static func row(_ command: AdminCommand) -> String {
    let usage = command.usage.replacing("|", with: "\\|")
    return "| `\(usage)` | \(command.level) | \(command.summary.replacing("|", with: "\\|")) |"
  }
}
