"""The files that the rules look at, read once each."""

import os
from dataclasses import dataclass

from swift_text import code_only

# Made by tools, or not ours.
_SKIPPED = {".git", ".build", "out", "__pycache__", ".pytest_cache", ".swiftpm", "Package.resolved"}


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


class Project:
    """Paths relative to the root, with `/`, and their text. Tests give a dictionary instead."""

    def __init__(self, texts, root=None):
        self.root = root
        self.texts = texts
        self._code = {}

    @classmethod
    def read(cls, root):
        texts = {}
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(name for name in folders if not _is_skipped(name))
            for name in sorted(names):
                if _is_skipped(name):
                    continue
                path = os.path.join(folder, name)
                try:
                    with open(path, encoding="utf-8") as file:
                        texts[os.path.relpath(path, root)] = file.read()
                except (UnicodeDecodeError, FileNotFoundError):
                    continue  # A binary file, or one that went away meanwhile.
        return cls(texts, root)

    def code(self, path):
        """The Swift file without comments and literals."""
        if path not in self._code:
            self._code[path] = code_only(self.texts[path])
        return self._code[path]

    def swift(self, *folders):
        """The Swift files below any of `folders`, in order."""
        starts = tuple(folder + "/" for folder in folders)
        return [path for path in self.texts if path.endswith(".swift") and path.startswith(starts)]


def _is_skipped(name):
    return name in _SKIPPED or name.startswith(".build")
