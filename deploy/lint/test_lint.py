#!/usr/bin/env python3
"""Shows for every rule that it fires on bad code and keeps still on good code."""

import unittest

import rules
from project import Project
from swift_text import code_only

WIRE, CORE = "Sources/ForebayWire/File.swift", "Sources/ForebayCore/File.swift"
MANIFEST = '''
let logging: Target.Dependency = .product(
  name: "Logging", package: "swift-log")
let package = Package(targets: [
  .target(name: "ForebayWire", swiftSettings: strict),
  .target(name: "ForebayUV", dependencies: ["CUV", "ForebayWire"], swiftSettings: strict),
  .target(
    name: "ForebayDaemon",
    dependencies: [
      "ForebayWire", "ForebayUV",
      logging,
    ], swiftSettings: strict),
])
'''


def findings(rule, texts):
    return [(finding.path, finding.line) for finding in rule(Project(texts))]


class RuleTest(unittest.TestCase):
    def expect_fires(self, rule, *snippets, path=CORE, **others):
        for snippet in snippets:
            with self.subTest(rule=rule.__name__, bad=snippet):
                self.assertTrue(findings(rule, {path: snippet, **others.get("beside", {})}))

    def expect_quiet(self, rule, *snippets, path=CORE, **others):
        for snippet in snippets:
            with self.subTest(rule=rule.__name__, good=snippet):
                self.assertEqual(
                    findings(rule, {path: snippet, **others.get("beside", {})}), [])


class Layers(RuleTest):
    def test_pure_imports(self):
        self.expect_fires(
            rules.pure_imports, "import Foundation", "import Glibc", "internal import CUV",
            "@preconcurrency import Dispatch", "import struct Foundation.Date", "import ForebayUV")
        self.expect_quiet(rules.pure_imports, "package import ForebayWire", "// import Glibc")
        self.expect_fires(rules.pure_imports, "import ForebayCore", path=WIRE)

    def test_arrows(self):
        uv = "Sources/ForebayUV/Loop.swift"
        beside = {"Package.swift": MANIFEST}
        self.expect_fires(rules.arrows, "import ForebayCore", path=uv, beside=beside)
        self.expect_quiet(
            rules.arrows, "internal import CUV\nimport Glibc", path=uv, beside=beside)
        daemon = "Sources/ForebayDaemon/Daemon.swift"
        self.expect_quiet(rules.arrows, "import Logging", path=daemon, beside=beside)
        # Allowed by the picture, but not listed in the manifest.
        self.expect_fires(rules.arrows, "import ForebayStore", path=daemon, beside=beside)
        self.expect_fires(rules.arrows, "", path="Sources/Surprise/File.swift")

    def test_manifest_arrows(self):
        self.expect_quiet(rules.manifest_arrows, MANIFEST, path="Package.swift")
        self.expect_fires(
            rules.manifest_arrows, MANIFEST.replace('"CUV"', '"CUV", "ForebayCore"'),
            MANIFEST.replace('"ForebayWire", swiftSettings',
                             '"ForebayWire", dependencies: [logging], swiftSettings'),
            path="Package.swift")

    def test_libraries(self):
        daemon = "Sources/ForebayDaemon/File.swift"
        self.expect_fires(rules.libraries, "import CUV", "import CSQLite", path=daemon)
        self.expect_fires(
            rules.libraries, "import CUV", path="Tests/ForebayDaemonTests/File.swift")
        self.expect_quiet(rules.libraries, "import CUV", path="Sources/ForebayUV/File.swift")
        self.expect_quiet(rules.libraries, "import CUV", path="Tests/ForebayUVTests/File.swift")

    def test_public_api(self):
        self.expect_fires(
            rules.public_api, "public struct Window {}", "open class Loop {}",
            "  public static func now() {}", "public internal(set) var x = 1")
        self.expect_quiet(
            rules.public_api, "package struct Window {}", 'case open = 0', "public import ForebayWire",
            '@_cdecl("hook") public func hook() {}', "guard state == .open else { }", "let open = open")
        self.expect_quiet(
            rules.public_api, "public struct Client {}", path="Sources/ForebayClient/File.swift")


class Determinism(RuleTest):
    def test_no_clock(self):
        self.expect_fires(
            rules.no_clock, "let t = ContinuousClock.now", "SuspendingClock()", "clock_gettime(1, &t)",
            "DispatchTime.now()", "Date()", "time(nil)", "uv_hrtime()", "try await Task.sleep(for: x)")
        self.expect_quiet(
            rules.no_clock, "func tick(now: Instant) {}", "// Not ContinuousClock.", 'log("Date()")')
        self.expect_fires(rules.no_clock, r'"at \(ContinuousClock.now)"')

    def test_no_randomness(self):
        self.expect_fires(
            rules.no_randomness, "SystemRandomNumberGenerator()", "Int.random(in: 0..<9)",
            "ids.shuffled()", "ids.shuffle()", "ids.randomElement()", "Hasher()", "key.hashValue",
            "UUID()")
        self.expect_quiet(
            rules.no_randomness, "Int.random(in: 0..<9, using: &generator)",
            "func hash(into hasher: inout Hasher) {}", "ids.shuffled(using: &generator)")

    def test_no_unordered_iteration(self):
        declared = "var sessions: [ID: Session] = [:]\nvar seen = Set<ID>()\n"
        self.expect_fires(
            rules.no_unordered_iteration,
            *(declared + use for use in (
                "for session in sessions {", "for (id, s) in self.sessions where s.isIdle {",
                "for id in sessions.keys {", "sessions.values.reduce(0, +)", "seen.map { $0 }",
                "table.seen.first", "Array(seen)", "sessions.sorted { $0 < $1 }")),
            "func close(_ ids: Set<ID>) { for id in ids { } }",
            "let byName: Dictionary<String, Int>\nbyName.forEach { }",
            "let all = Set(ids)\nfor id in all { }", "var a = [:] \nfor x in a {")
        self.expect_quiet(
            rules.no_unordered_iteration, declared + "let s = sessions[id]",
            declared + "sessions.removeValue(forKey: id)", declared + "if seen.contains(id) {}",
            declared + "sessions.count", declared + "for id in order { use(sessions[id]) }",
            "var order: [ID]\nfor id in order {}", "f(first: 1, sessions: 2)")
        # A stored property is known in the target's other files, unless the name is an array there.
        beside = {"Sources/ForebayCore/Other.swift": "package var clients: [Int: Client]"}
        self.expect_fires(
            rules.no_unordered_iteration, "for c in table.clients {", beside=beside)
        self.expect_quiet(
            rules.no_unordered_iteration, "let clients: [Client]\nfor c in clients {", beside=beside)

    def test_exhaustive_states(self):
        bad = "switch {} {{\ncase .open: break\n{}: break\n}}"
        self.expect_fires(
            rules.exhaustive_states, bad.format("state", "default"), bad.format("self", "default"),
            bad.format("consume self.state", "case _"), bad.format("(self.phase, event)", "default"))
        self.expect_quiet(
            rules.exhaustive_states, bad.format("event", "default"),
            "switch state {\ncase .open:\n  switch code { case 1: x\n default: y }\ncase .shut: z }",
            bad.format("self.kind", "default"))


class Everywhere(RuleTest):
    def test_no_bare_precondition(self):
        self.expect_fires(
            rules.no_bare_precondition, "precondition(x > 0)", 'fatalError("no")', "assert(x)",
            "guard x else { preconditionFailure() }", "assertionFailure()")
        self.expect_quiet(
            rules.no_bare_precondition, 'invariant(x > 0, "x")', "// precondition(x)",
            "trace.assert(x)")
        self.expect_quiet(
            rules.no_bare_precondition, "fatalError()", path="Sources/ForebayWire/Invariant.swift")

    def test_no_unfinished_marks(self):
        self.expect_fires(
            rules.no_unfinished_marks, "// TO" "DO: later", "# FIX" "ME", "/* XX" "X */")
        self.expect_quiet(rules.no_unfinished_marks, "let todos = 1")

    def test_no_machine_paths(self):
        self.expect_fires(
            rules.no_machine_paths, "cd /ro" "ot/tree", 'let p = "/ho' 'me/ann/x"', "/wo" "rk/tmp",
            path="Makefile")
        self.expect_quiet(
            rules.no_machine_paths, "/run/forebay/client.sock", "$chroot/ro" "ot/project", "a/wo" "rk/b",
            path="deploy/x.sh")

    def test_documented_codes(self):
        codes = {"proto/codes.json": '{"error_codes": {"$c": "", "KILLED": 27}, "limits": {"X": 1}}'}
        self.expect_fires(
            rules.documented_codes, "", "KILLED", path="OPERATIONS.md", beside=codes)
        self.expect_quiet(
            rules.documented_codes, "| `KILLED` | ended |", path="OPERATIONS.md", beside=codes)

    def test_documented_options(self):
        source = (
            '@Option(help: "Where (a socket).")\nvar clientSocket = x\n'
            '@Option(name: [.customLong("upstream")], help: "")\nvar upstreams = y\n')
        path = "Sources/forebayd/Forebayd.swift"
        self.expect_fires(
            rules.documented_options, source, path=path,
            beside={"OPERATIONS.md": "| `--client-socket PATH` |"})
        self.expect_quiet(
            rules.documented_options, source, path=path,
            beside={"OPERATIONS.md": "| `--client-socket PATH` | `--upstream` |"})

    def test_documented_commands(self):
        source = 'AdminCommand(\n  words: ["show", "state"], level: .view)'
        path = "Sources/ForebayDaemon/AdminCommand.swift"
        self.expect_fires(
            rules.documented_commands, source, path=path, beside={"OPERATIONS.md": "| `show` |"})
        self.expect_quiet(
            rules.documented_commands, source, path=path,
            beside={"OPERATIONS.md": "| `show state` | view |"})

    def test_security_tests(self):
        def table(row):
            return f"| a | b | shown by |\n|---|---|---|\n{row}\n\n| other | table |\n|---|---|\n| x | y |\n"

        tests = "Tests/ForebayCoreTests/SomeTests.swift"
        beside = {tests: "@Suite struct SomeTests {\n  @Test func holds() {}\n  // func gone()\n}"}
        for row in ("| a | b | nothing |", "| a | `SomeTests.holds` | |", "| a | b | `SomeTests.gone` |",
                    "| a | b | `OtherTests.holds` |"):
            self.expect_fires(
                rules.security_tests, table(row), path="SECURITY.md", beside=beside)
        self.expect_quiet(
            rules.security_tests, table("| a | b | `SomeTests.holds`, `SomeTests.holds` |"),
            path="SECURITY.md", beside=beside)

    def test_strict_shell(self):
        self.expect_fires(
            rules.strict_shell, "#!/usr/bin/env bash\necho hi\n", path="deploy/x.sh")
        self.expect_quiet(
            rules.strict_shell, "#!/usr/bin/env bash\n# Why.\nset -euo pipefail\n", path="deploy/x.sh")

    def test_standalone_python(self):
        self.expect_fires(
            rules.standalone_python, "import yaml", "from numpy.linalg import norm", "def f(:",
            path="proto/check.py")
        self.expect_quiet(
            rules.standalone_python, "import json\nfrom codes import X\nfrom . import y",
            path="proto/check.py", beside={"proto/codes.py": ""})
        self.expect_quiet(
            rules.standalone_python, "import jsonschema", path="proto/check.py",
            beside={"deploy/apt-packages.txt": "python3-jsonschema  # Why."})

    def test_every_rule_has_a_test(self):
        tests = {name for case in (Layers, Determinism, Everywhere) for name in dir(case)}
        for rule in rules.RULES:
            self.assertIn("test_" + rule.__name__, tests)


class SwiftText(unittest.TestCase):
    def test_blanks_comments_and_literals_only(self):
        for text, code in (
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            ('x("a\\"b") + y', "x(      ) + y"),
            ('x(#"a"b\\"#) + y', "x(        ) + y"),
            ('x("""\n a "b" \n""") + y', "x(   \n       \n   ) + y"),
            (r'"a \(f(1, "b")) c" + y', r'     f(1,    )     + y'),
            (r'#"a \(b) \#(c)"# + y', "            c    + y"),
            ('"a // b" + y', "         + y"),
            ("#if FUZZING\nx\n#endif", "#if FUZZING\nx\n#endif"),
        ):
            with self.subTest(text=text):
                self.assertEqual(code_only(text), code)
                self.assertEqual(len(code_only(text)), len(text))


if __name__ == "__main__":
    unittest.main()
