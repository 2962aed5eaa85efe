#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks of the source as text, one point each.

usage: test-lint.py SOURCE-ROOT
"""

import collections
import pathlib
import re
import subprocess
import sys
import unittest

import tap

SOURCE = pathlib.Path(sys.argv.pop(1))
MAX_LINES = 1200
MAX_COLUMNS = 110
SPDX = "SPDX-License-Identifier: MIT"
# Cannot hold a comment, or are not ours to write.
WITHOUT_SPDX = {"LICENSE", ".gitignore", ".editorconfig", ".clang-format", ".clang-tidy",
                "meson_options.txt", "meson.options"}
WITHOUT_SPDX_SUFFIXES = {".json", ".png", ".hex", ".bin", ".txt", ".in", ".symbols", ".supp", ".pot", ""}
CODE = {".c", ".h", ".py", ".mjs", ".js", ".ui", ".md"}
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
# Words of the languages and names of things that look like mistakes.
SPELLED_RIGHT = "te,gir"


def tracked():
    """What git knows; in an unpacked archive, everything but what was built or fetched."""
    listed = subprocess.run(["git", "-C", SOURCE, "ls-files", "-z"], capture_output=True, check=False)
    if listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split("\0") if name]
        return [pathlib.Path(name) for name in names if (SOURCE / name).is_file()]
    return [path.relative_to(SOURCE) for path in SOURCE.rglob("*") if path.is_file()
            and not re.match(r"_build|_fetched", str(path.relative_to(SOURCE)))]


# A seed of a fuzzer is a seed to the byte.
FILES = [path for path in tracked() if path.parts[:3] != ("tests", "fuzz", "corpus")]


def text(path):
    return (SOURCE / path).read_text(encoding="utf-8")


def shebang(path):
    with open(SOURCE / path, "rb") as file:
        return file.readline() if path.suffix != ".png" else b""


def scripts(interpreter):
    return [path for path in FILES if re.match(rb"#!.*\b" + interpreter, shebang(path))]


def is_test(path, name):
    """Whether a test program has a test of that name, written as its kind writes them."""
    quoted = re.escape(name.replace("'", "\\'"))
    forms = {".c": rf'"{quoted}"', ".py": rf'def {quoted}\(|@attack\(.*"{quoted}"',
             ".mjs": rf"test\('{quoted}'|^  '?{quoted}'?: async"}
    path = pathlib.Path(path)
    return bool(re.search(forms[path.suffix], text(path), re.M))


class Lint(unittest.TestCase):
    def tool(self, *command):
        done = subprocess.run(command, cwd=SOURCE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 0, f"{command[0]}:\n{done.stdout}")

    def test_shellcheck(self):
        shell = scripts(rb"(?:ba|da)?sh\b")
        self.assertTrue(shell)
        self.tool("shellcheck", *shell)

    def test_spelling(self):
        self.tool("codespell", "--ignore-words-list", SPELLED_RIGHT, "--skip",
                  "*.json,*.png,*requirements.txt", *FILES)

    def test_python_compiles(self):
        for path in {*scripts(rb"python3"), *(p for p in FILES if p.suffix == ".py")}:
            with self.subTest(path):
                compile(text(path), path, "exec", dont_inherit=True)

    def test_javascript_parses(self):
        for path in (p for p in FILES if p.suffix == ".mjs"):
            with self.subTest(path):
                self.tool("node", "--check", path)

    def test_no_file_is_too_long(self):
        long = [path for path in FILES if path.suffix in CODE
                and len(text(path).splitlines()) > MAX_LINES]
        self.assertEqual(long, [])

    def test_no_line_is_too_long(self):
        long = [f"{path}:{number}" for path in FILES
                if path.suffix in {".c", ".h"} and path.parts[0].startswith("hypha-")
                for number, line in enumerate(text(path).splitlines(), 1)
                if len(line) > MAX_COLUMNS]
        self.assertEqual(long, [])

    def test_every_file_has_its_licence(self):
        bare = [path for path in FILES
                if path.name not in WITHOUT_SPDX and path.parts[:2] != ("tests", "data")
                and (path.suffix not in WITHOUT_SPDX_SUFFIXES or shebang(path).startswith(b"#!"))
                and SPDX not in "\n".join(text(path).splitlines()[:5])]
        self.assertEqual(bare, [])

    def test_config_comes_first(self):
        wrong = []
        for path in FILES:
            if path.suffix != ".c" or path.parts[0] not in ("hypha-core", "hypha-gtk", "hypha-cli"):
                continue
            includes = re.findall(r'^#include (\S+)', text(path), re.M)
            if includes[:1] != ['"config.h"']:
                wrong.append(path)
        self.assertEqual(wrong, [])

    def test_no_tabs_and_no_trailing_blanks(self):
        wrong = [f"{path}:{number}" for path in FILES if path.suffix in CODE | {".build"}
                 for number, line in enumerate(text(path).splitlines(), 1)
                 if "\t" in line or line != line.rstrip()]
        self.assertEqual(wrong, [])

    def test_every_attack_is_in_the_table(self):
        """hypha-core/docs/attacks.md, tests/attacks and the sources say the same."""
        tried = {}
        attacks = "".join(text(path) for path in FILES if path.match("tests/attacks/test-*.py"))
        for hole, ways in re.findall(r'@attack\("(H\d+)", "([a-z ]+)"', attacks):
            tried.setdefault(hole, set()).update(ways.split())
        table = text(pathlib.Path("hypha-core/docs/attacks.md"))
        rows = re.findall(r"^\| (H\d+) \| ([a-z, ]+) \|", table, re.M)
        self.assertEqual({hole: set(ways.split(", ")) for hole, ways in rows}, tried)
        self.assertEqual(len(tried), 30)
        sources = "".join(text(path) for path in FILES if path.suffix == ".c")
        missing = [name for name in re.findall(r"`(hypha_\w+)`", table) if f"\n{name} (" not in sources]
        missing += [name for name in re.findall(r"`(/[a-z0-9/-]+)`", table) if f'"{name}"' not in sources]
        self.assertEqual(missing, [])

    def test_every_skip_is_in_the_manual(self):
        """CONTRIBUTING.md says what can be skipped, and when."""
        forms = {".c": r'g_test_skip \("([^"]+)"\)', ".py": r'(?:skipUnless\(.*, |SkipTest\(f?)"([^"]+)"',
                 ".build": r"'--needs=[^=]+=([^']+)'"}
        said = {reason for path in FILES if path.parts[0] == "tests" and path.suffix in forms
                and path.name != "test-lint.py" for reason in re.findall(forms[path.suffix], text(path))}
        manual = text(pathlib.Path("CONTRIBUTING.md"))
        self.assertGreater(len(said), 8)
        self.assertEqual([reason for reason in said if re.sub(r"\{.*?\}", "…", reason) not in manual], [])

    def test_the_checklist_is_whole(self):
        """hypha-core/docs/checklist.md: no number is left out, and each test it names is there."""
        checklist = text(pathlib.Path("hypha-core/docs/checklist.md"))
        marks = collections.Counter()
        for part in checklist.split("\n## ")[1:]:
            rows = re.findall(r"^\| ([A-Z])(\d+) \| ([^|]+) \| (\w+) \| ([^|]+) \|$", part, re.M)
            self.assertEqual(len(rows), len(re.findall(r"^\|", part, re.M)) - 2, part)
            self.assertEqual([(row[0], int(row[1])) for row in rows],
                             [(rows[0][0], number) for number in range(1, len(rows) + 1)])
            for letter, number, _, mark, here in rows:
                marks[mark] += 1
                named = re.findall(r"`(tests/[^`]+)`: ([^;|]+?)(?: \(H\d+\))?(?=;|$)", here)
                with self.subTest(f"{letter}{number}"):
                    self.assertEqual(here.count("`tests/"), len(named))
                    self.assertEqual(bool(named), mark in ("same", "reversed", "other"))
                    self.assertEqual([test for test in named if not is_test(*test)], [])
        said = dict(map(reversed, re.findall(r"(\d+) are (\w+)", checklist)))
        self.assertEqual({mark: int(number) for mark, number in said.items()}, marks)
        self.assertIn(f"Of {marks.total()} tests ", checklist)

    def test_nothing_is_left_for_later(self):
        left = [f"{path}:{number}" for path in FILES if path.suffix in CODE
                for number, line in enumerate(text(path).splitlines(), 1)
                if UNFINISHED.search(line)]
        self.assertEqual(left, [])


tap.main()
