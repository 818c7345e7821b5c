"""What the compiler doesn't check. One rule a function; each finding says what to do instead.

A rule takes the project and yields findings. `RULES` at the end is the list that runs. Every rule
has a test in test_lint.py that shows it firing.
"""

import ast
import json
import re
import sys

from project import Finding
from swift_text import closing_brace, line_of

# The targets that must give equal results for equal inputs.
PURE = ("Sources/ForebayWire", "Sources/ForebayCore")

# What each target may import of ours, and of C libraries' and packages' modules: the picture in
# ARCHITECTURE.md. Package.swift may allow less, never more.
ARROWS = {
    "ForebayWire": set(),
    "ForebayCore": {"ForebayWire"},
    "ForebayUV": {"CUV", "ForebayWire"},
    "ForebayStore": {"CSQLite", "ForebayWire"},
    "ForebayTLS": {"CSSL", "ForebayWire"},
    "ForebayUpstreams": {
        "ForebayCore", "ForebayUV", "ForebayTLS", "ForebayStore", "ForebayWire", "CCurl",
        "CKafka", "CRabbitMQ", "CZlib",
    },
    "ForebayConfig": {"CYAML", "ForebayCore", "ForebayWire"},
    "ForebayDaemon": {
        "ForebayWire", "ForebayCore", "ForebayConfig", "ForebayUpstreams", "ForebayStore",
        "ForebayUV", "ForebayTLS", "Logging",
    },
    "ForebayClient": {"ForebayWire"},
    "forebayd": {"ForebayDaemon", "ForebayConfig", "ArgumentParser"},
    "forebayctl": {"ForebayClient", "ForebayStore", "ForebayWire", "ArgumentParser"},
    "forebay-bench": {
        "ForebayWire", "ForebayUV", "ForebayCore", "ForebayConfig", "ForebayStore", "Histogram",
        "ArgumentParser",
    },
}

# The modules of the toolchain; everything else imported must be an arrow.
_TOOLCHAIN = {
    "Swift", "Glibc", "Musl", "Darwin", "Foundation", "FoundationEssentials", "Dispatch",
    "Synchronization", "Testing", "_Concurrency",
}

_IMPORT = re.compile(
    r"^[ \t]*(?:@\w+(?:\([^)]*\))?[ \t]+)*(?:(?:public|package|internal|fileprivate|private)[ \t]+)?"
    r"import[ \t]+(?:(?:struct|class|enum|protocol|func|let|var|typealias|actor)[ \t]+)?(\w+)",
    re.MULTILINE)


def imports(project, path):
    code = project.code(path)
    return [(match[1], line_of(code, match.start(1))) for match in _IMPORT.finditer(code)]


def _each(project, rule, folders, pattern, message):
    """A finding for each match of `pattern` in the code below `folders`."""
    for path in project.swift(*folders):
        code = project.code(path)
        for match in re.finditer(pattern, code):
            yield Finding(path, line_of(code, match.start()), rule, message.format(match[0].strip()))


# Layers


def pure_imports(project):
    """Wire and core import nothing but the standard library and each other."""
    for path in project.swift(*PURE):
        allowed = {"Swift"} | ({"ForebayWire"} if path.startswith(PURE[1]) else set())
        for module, line in imports(project, path):
            if module not in allowed:
                yield Finding(
                    path, line, "pure_imports",
                    f"imports {module}. Wire and core do no I/O: pass the value in as an argument, "
                    "or return an action that the shell performs.")


def arrows(project):
    """Sources import only what ARROWS and Package.swift allow their target."""
    declared = package_dependencies(project.texts.get("Package.swift", ""))
    for path in project.swift("Sources"):
        target = path.split("/")[1]
        if target not in ARROWS:
            yield Finding(
                path, 1, "arrows",
                f"target {target} isn't in ARROWS of deploy/lint/rules.py: add it there and to the "
                "picture in ARCHITECTURE.md.")
            continue
        for module, line in imports(project, path):
            if module in _TOOLCHAIN:
                continue
            if module not in ARROWS[target]:
                yield Finding(
                    path, line, "arrows",
                    f"{target} may not import {module}. Move the code to a target that may, or give "
                    "it a protocol or closure from above; see the picture in ARCHITECTURE.md.")
            elif module not in declared.get(target, set()):
                yield Finding(
                    path, line, "arrows",
                    f"imports {module}, which Package.swift doesn't list for {target}: add it there.")


def manifest_arrows(project):
    """Package.swift gives no target more than ARROWS does."""
    text = project.texts.get("Package.swift", "")
    for target, modules in package_dependencies(text).items():
        for module in sorted(modules - ARROWS.get(target, modules)):
            yield Finding(
                "Package.swift", line_of(text, text.find(f'"{target}", dependencies')),
                "manifest_arrows",
                f"{target} depends on {module}, which ARROWS of deploy/lint/rules.py doesn't allow. "
                "If the design changed, change the picture in ARCHITECTURE.md and ARROWS with it.")


def package_dependencies(manifest):
    """Target name → names of modules in its dependencies, from the text of Package.swift."""
    products = dict(re.findall(
        r'let (\w+): Target\.Dependency = \.product\(\s*name: "(\w+)"', manifest))
    found = {}
    for match in re.finditer(
            r'\.(?:executableTarget|target)\(\s*name: "([\w-]+)"(?:,\s*dependencies: \[([^\]]*)\])?',
            manifest):
        names = re.findall(r'"([\w-]+)"|(\w+)', match[2] or "")
        found[match[1]] = {quoted or products.get(bare, bare) for quoted, bare in names}
    return found


def libraries(project):
    """Each C library is imported by one target only, tests included."""
    owners = {"CUV": "ForebayUV", "CSQLite": "ForebayStore", "CYAML": "ForebayConfig",
              "CKafka": "ForebayUpstreams"}
    for path in project.swift("Sources", "Tests"):
        target = path.split("/")[1]
        for module, line in imports(project, path):
            owner = owners.get(module)
            if owner and target not in (owner, owner + "Tests"):
                yield Finding(
                    path, line, "libraries",
                    f"only {owner} imports {module}: use {owner}'s wrapper, and extend it if it "
                    "lacks something.")


_PUBLIC = re.compile(
    r"^(.*)(?<![.\w])(?:public|open)[ \t]+(?:(?:internal|package|private)\(set\)[ \t]+|static[ \t]+|"
    r"final[ \t]+|override[ \t]+|mutating[ \t]+|indirect[ \t]+|nonisolated[ \t]+)*"
    r"(?:class|struct|enum|protocol|actor|extension|func|var|let|init|subscript|typealias)\b",
    re.MULTILINE)


def public_api(project):
    """`public` is for ForebayClient, the one library that others build on."""
    for path in project.swift("Sources"):
        if path.startswith("Sources/ForebayClient/"):
            continue
        code = project.code(path)
        for match in _PUBLIC.finditer(code):
            if "@_cdecl" not in match[1]:
                yield Finding(
                    path, line_of(code, match.end()), "public_api",
                    "only ForebayClient has a public API: write `package` (or nothing).")


# Determinism of wire and core


def no_clock(project):
    """Wire and core read no clock."""
    return _each(
        project, "no_clock", PURE,
        r"\b(?:ContinuousClock|SuspendingClock|DispatchTime|DispatchWallTime|clock_gettime|"
        r"gettimeofday|mach_absolute_time|uv_now|uv_hrtime)\b|\bDate\(|\btime\(nil\)|"
        r"\bTask\.sleep\b",
        "{} reads or waits for a clock: take `now: Instant` from the caller, return a deadline.")


def no_randomness(project):
    """Wire and core draw no randomness; `Hasher` is seeded anew in every process."""
    return _each(
        project, "no_randomness", PURE,
        r"\bSystemRandomNumberGenerator\b|\barc4random\w*|\bgetrandom\b|\bUUID\(|\bHasher\(|"
        r"\.hashValue\b|\.random\((?![^)]*using:)|\.randomElement\(\)|\.shuffled\(\)|\.shuffle\(\)",
        "{} differs from run to run: use SplitMix64 with a seed that the shell brings (or a hash "
        "written out, if a hash is what you need).")


_DECLARATION = r"\b(\w+)\s*(?::\s*(?:inout\s+)?|=\s*)"
_UNORDERED = re.compile(
    _DECLARATION + r"(?:Set\b[<(]|Dictionary\b[<(]|\[\s*[\w.]+(?:<[^\[\]]*>)?\s*:(?!:)|\[\s*:\s*\])")
_ORDERED = re.compile(_DECLARATION + r"(?:\[\s*[\w.]+(?:<[^\[\]]*>)?\s*\]|Array\b[<(]|ContiguousArray\b)")
_WALKS = (
    "keys|values|map|flatMap|compactMap|mapValues|forEach|filter|reduce|first|min|max|sorted|"
    "enumerated|makeIterator|allSatisfy|popFirst|randomElement|startIndex|lazy|removeFirst|"
    "elementsEqual|joined")


def no_unordered_iteration(project):
    """Wire and core never walk a Set or Dictionary: the order changes with every process."""
    for folder in PURE:
        paths = project.swift(folder)
        shared = set()
        for path in paths:
            shared |= _names(_UNORDERED, project.code(path), skip_private=True)
        for path in paths:
            code = project.code(path)
            here = _names(_UNORDERED, code)
            names = here | (shared - _names(_ORDERED, code))
            for match in _walks(code, names):
                yield Finding(
                    path, line_of(code, match.start()), "no_unordered_iteration",
                    f"walks {match[1]}, a Set or Dictionary, whose order differs from run to run: "
                    "keep an array or a linked list of ids beside it and walk that.")


def _names(pattern, code, skip_private=False):
    found = set()
    for match in pattern.finditer(code):
        line_start = code.rfind("\n", 0, match.start()) + 1
        private = re.search(r"\b(?:private|fileprivate)\s", code[line_start:match.start()])
        if not (skip_private and private and "(set)" not in code[line_start:match.start()]):
            found.add(match[1])
    return found - {"return", "in", "where"}


def _walks(code, names):
    if not names:
        return
    name = "(" + "|".join(sorted(map(re.escape, names))) + ")"
    yield from re.finditer(
        rf"\bfor\s+(?:case\s+)?[^{{}}\n]*?\bin\s+(?:[\w!?]+\.)*{name}\s*(?:where\b[^{{\n]*)?\{{", code)
    yield from re.finditer(rf"\b{name}[!?]?\.(?:{_WALKS})\b(?!\s*:)", code)
    yield from re.finditer(rf"\b(?:Array|ContiguousArray|zip)\(\s*(?:[\w!?]+\.)*{name}\s*[,)]", code)


def exhaustive_states(project):
    """A switch over state names every case, so that a new state can't be forgotten."""
    for path in project.swift(*PURE):
        code = project.code(path)
        for match in re.finditer(r"\bswitch\b([^{]*)\{", code):
            if not re.search(r"\b(?:state|phase|self)\b\s*(?:[,)]|$)", match[1].strip()):
                continue
            body_end = closing_brace(code, match.end() - 1)
            for offset in _catch_alls(code, match.end(), body_end):
                yield Finding(
                    path, line_of(code, offset), "exhaustive_states",
                    "a switch over state has no default: name the cases, so that the compiler asks "
                    "about a new one.")


def _catch_alls(code, start, end):
    """Offsets of `default:` and `case _:` that belong to the switch whose body is start..<end."""
    depth = 0
    for match in re.finditer(r"[{}]|\bdefault\s*:|\bcase\s+_\s*:", code[start:end]):
        if match[0] == "{":
            depth += 1
        elif match[0] == "}":
            depth -= 1
        elif depth == 0:
            yield start + match.start()


# Everywhere


def no_bare_precondition(project):
    """A bare precondition says nothing in release; `invariant` says what and where."""
    for finding in _each(
            project, "no_bare_precondition", ("Sources",),
            r"(?<![\w.])(?:precondition|preconditionFailure|assert|assertionFailure|fatalError)\(",
            "`{}…)`: use invariant(_:_:) or brokenInvariant(_:) for our own bugs, and a result or "
            "an error for what a peer sent."):
        if not finding.path.endswith("/Invariant.swift"):
            yield finding


# In two halves, so that this file doesn't find itself.
_UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
_HOME = re.compile(r"(?<![\w.~$}])/(?:root|work|home/\w+|Users/\w+|mnt/\w+)/")


def no_unfinished_marks(project):
    """Unfinished work is an issue, not a comment."""
    for path, text in project.texts.items():
        for match in _UNFINISHED.finditer(text):
            yield Finding(
                path, line_of(text, match.start()), "no_unfinished_marks",
                f"{match[0]}: finish it now, or open an issue and delete the mark.")


def no_machine_paths(project):
    """Nothing in the project names a folder of one machine."""
    for path, text in project.texts.items():
        for match in _HOME.finditer(text):
            yield Finding(
                path, line_of(text, match.start()), "no_machine_paths",
                f"{match[0]} exists on one machine only: use a relative path, an argument or a "
                "temporary folder.")


def documented_codes(project):
    """An operator who meets a code finds it in OPERATIONS.md."""
    codes = json.loads(project.texts.get("proto/codes.json", "{}"))
    manual = project.texts.get("OPERATIONS.md", "")
    for section in ("error_codes", "window_reasons", "message_codes", "outcomes"):
        for name in codes.get(section, {}):
            if not name.startswith("$") and f"`{name}`" not in manual:
                yield Finding(
                    "OPERATIONS.md", 1, "documented_codes",
                    f"`{name}` of {section} isn't explained: say what it means and what to do.")


_OPTION = re.compile(
    r"@(?:Option|Flag)\((?P<about>.*?)\)\s*(?:@\w+\s+)*var (?P<name>\w+)", re.DOTALL)


def documented_options(project):
    """Every option of forebayd is in OPERATIONS.md."""
    manual = project.texts.get("OPERATIONS.md", "")
    for path in project.swift("Sources/forebayd"):
        for match in _OPTION.finditer(project.texts[path]):
            custom = re.search(r'customLong\("([\w-]+)"\)', match["about"])
            name = custom[1] if custom else re.sub(
                r"[A-Z]", lambda letter: "-" + letter[0].lower(), match["name"])
            if f"`--{name}" not in manual:
                yield Finding(
                    path, line_of(project.texts[path], match.start()), "documented_options",
                    f"--{name} isn't in OPERATIONS.md: add it to the table of options.")


def documented_commands(project):
    """Every command of the admin socket is in OPERATIONS.md."""
    manual = project.texts.get("OPERATIONS.md", "")
    for path in project.swift("Sources/ForebayDaemon"):
        text = project.texts[path]
        for match in re.finditer(r'AdminCommand\(\s*words: \[([^\]]*)\]', text):
            command = " ".join(re.findall(r'"([^"]*)"', match[1]))
            if f"| `{command}" not in manual:
                yield Finding(
                    path, line_of(text, match.start()), "documented_commands",
                    f"`{command}` isn't in OPERATIONS.md: add it to the table of commands.")


def security_tests(project):
    """Each row of SECURITY.md's tables names tests, and they exist."""
    manual = project.texts.get("SECURITY.md", "")
    tests = {}
    for path in project.swift("Tests"):
        text = project.texts[path]
        for suite in re.findall(r"^(?!\s*//).*\b(?:struct|extension)\s+(\w+Tests)\b", text, re.M):
            tests.setdefault(suite, set()).update(
                re.findall(r"^(?!\s*//).*\bfunc\s+(\w+)", text, re.M))
    shown = False
    for number, line in enumerate(manual.splitlines(), 1):
        shown = line.startswith("|") and (shown or line.rstrip().endswith("| shown by |"))
        if not shown or line.rstrip().endswith("| shown by |") or set(line) <= set("|- "):
            continue
        named = re.findall(r"`(\w+Tests)\.(\w+)`", line.rsplit("|", 2)[-2])
        if not named:
            yield Finding(
                "SECURITY.md", number, "security_tests",
                "a row names no test: write `Suite.test` in its last column, or don't claim it.")
        for suite, test in named:
            if test not in tests.get(suite, ()):
                yield Finding(
                    "SECURITY.md", number, "security_tests",
                    f"{suite}.{test} isn't in Tests: name the test that shows it now.")


def strict_shell(project):
    """Every bash script stops at the first failure."""
    for path, text in project.texts.items():
        if re.match(r"#!.*\bbash\b", text) and not re.search(r"^set -euo pipefail$", text, re.MULTILINE):
            yield Finding(
                path, 1, "strict_shell",
                "a bash script begins with `set -euo pipefail`, else failures pass unseen.")


def standalone_python(project):
    """Python parses, and needs only what the standard library and `make deps` bring."""
    packages = project.texts.get("deploy/apt-packages.txt", "")
    debian = {name.replace("-", "_") for name in re.findall(r"^python3-(\S+)", packages, re.MULTILINE)}
    scripts = [path for path in project.texts if path.endswith(".py")]
    ours = {re.split(r"[/.]", path)[-2] for path in scripts} | {
        folder for path in scripts for folder in path.split("/")[:-1]}
    for path in scripts:
        try:
            tree = ast.parse(project.texts[path], path)
        except SyntaxError as error:
            yield Finding(path, error.lineno or 1, "standalone_python", f"{error.msg}.")
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module]
            else:
                continue
            for module in modules:
                if module.split(".")[0] not in ours | debian | sys.stdlib_module_names:
                    yield Finding(
                        path, node.lineno, "standalone_python",
                        f"imports {module}, which a new machine lacks: do without it, or add its "
                        "Debian package to deploy/apt-packages.txt.")


RULES = [
    pure_imports, arrows, manifest_arrows, libraries, public_api, no_clock, no_randomness,
    no_unordered_iteration, exhaustive_states, no_bare_precondition, no_unfinished_marks,
    no_machine_paths, documented_codes, documented_options, documented_commands, security_tests,
    strict_shell, standalone_python,
]
