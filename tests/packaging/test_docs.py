# SPDX-License-Identifier: GPL-3.0-or-later
"""What the docs point to is there, and the commands in them are ones that the programs understand."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from contrapposto.rig.profile import Profile, load_profiles, parse_profile
from contrapposto.rig.rigmap import REQUIRED_JOINTS

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # for benchmarks
PARSERS = {
    package: importlib.import_module(f"{package}.__main__")._parser
    for package in ("contrapposto", "benchmarks")
}
DOCS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "core/contrapposto/priors/weights").glob("*.md")),
]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in DOCS}
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"```[^\n]*\n(.*?)```|(?<!`)`([^`]+)`(?!`)", re.DOTALL)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([\w-]+):", MAKEFILE, re.MULTILINE)) | {
    f"test-blender-{version}" for version in ("4.2", "4.5", "5.0", "5.2")
}


def anchors(text: str) -> set[str]:
    """The anchors of a document's headings, as code hosts make them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def lines() -> Iterator[tuple[str, str]]:
    """Every command in the docs' code, those that go on over lines joined: (document, command)."""
    for name, text in TEXTS.items():
        for block, inline in CODE.findall(text):
            for line in re.sub(r"\\\n\s*", "", block or inline.replace("\n", " ")).splitlines():
                for command in re.split(r" && |  +", line.strip()):
                    yield name, command.strip("`")


def test_the_map_of_the_add_on_names_every_module_of_it():
    folder = ROOT / "addon"
    told = set(re.findall(r"``(\w+)``", (folder / "__init__.py").read_text(encoding="utf-8")))
    assert told - {"contrapposto"} == {path.stem for path in folder.glob("*.py")} - {"__init__"}


def commands(kind: str) -> list:
    """The lines that a regular expression finds a command in, named by their document."""
    found = [(name, line) for name, line in lines() if re.search(kind, line)]
    assert found, f"the docs name no command like {kind}"
    return [pytest.param(line, id=f"{name}: {line[:70]}") for name, line in dict.fromkeys(found)]


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_and_picture_of_a_document_is_there(name):
    for link in LINK.findall(TEXTS[name]):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("line", commands(r"python -m (contrapposto|benchmarks) "))
def test_every_command_of_core_and_of_the_benchmarks_is_understood(line):
    words = shlex.split(line, comments=True)
    words += ["--output", "FOLDER"] if "…" in words else []  # what is left to the reader
    at = words.index("-m")
    code = 0
    try:
        PARSERS[words[at + 1]]().parse_args(words[at + 2 :])
    except SystemExit as end:
        code = end.code
    is_mention = not any(word.startswith("--") for word in words)
    assert code == 0 or is_mention, line


@pytest.mark.parametrize("line", commands(r"(?<![\w/])(scripts|tools|demo)/\w+\.py"))
def test_every_script_is_there_and_has_the_options_that_are_named(line):
    script = ROOT / re.search(r"(scripts|tools|demo)/\w+\.py", line)[0]
    source = script.read_text(encoding="utf-8")
    assert source.startswith("# SPDX")
    for option in re.findall(r"(?<= )--[a-z][\w-]*", line.partition(script.name)[2]):
        plain = option.replace("--no-", "--")
        assert f'"{option}"' in source or f'"{plain}"' in source, option


def test_every_sentence_that_the_troubleshooting_quotes_is_one_that_the_extension_says():
    section = (
        TEXTS["docs/user-guide.md"].split("## When something is not as it should be")[1].split("\n## ")[0]
    )
    seen = [row.split("|")[1] for row in section.splitlines() if row.startswith("| ")]
    quoted = [sentence for cell in seen for sentence in re.findall(r'"([^"]+)"', cell)]
    assert len(quoted) > 5
    folders = ("addon", "operators", "panels", "core/contrapposto/rig")
    code = "".join(
        path.read_text("utf-8") for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))
    )
    code = re.sub(r'"\s*\n\s*f?"', "", code)  # a sentence that goes on in the next line
    for sentence in quoted:
        for part in sentence.split("…"):
            assert part.strip(" '") in code, sentence


@pytest.mark.parametrize("line", commands(r"^make [a-z]"))
def test_every_target_of_make_is_there(line):
    for word in line.split()[1:]:
        assert "=" in word or word in TARGETS, f"make has no target '{word}'"


def test_the_page_about_rigs_names_every_family_and_its_example_is_one():
    text = TEXTS["docs/rigs.md"]
    missing = [profile.name for profile in load_profiles() if profile.name not in text]
    assert not missing
    example = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    assert set(REQUIRED_JOINTS) <= set(parse_profile(example[1]).joints)
    fields = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert fields == set(Profile.__dataclass_fields__) - {"name", "joints", "tags"}
