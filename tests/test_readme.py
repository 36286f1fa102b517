"""The README's examples run, and the console lines say what the command prints."""

import doctest
import re
import shlex
from pathlib import Path

import pytest

from symcalc.cli import main

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
CONSOLE = re.findall(r"```console\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


def test_the_python_examples():
    result = doctest.testfile(str(README), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 30 and result.failed == 0


@pytest.mark.parametrize("block", CONSOLE, ids=range(len(CONSOLE)))
def test_a_console_block(block, capsys):
    command, _, wanted = block.partition("\n")
    words = shlex.split(command.removeprefix("$ "))
    assert words[0] == "symcalc" and main(words[1:]) == 0
    printed = re.sub(r"error \S+ \(.*\)", "error ... (...)", capsys.readouterr().out)
    assert wanted.strip() and printed.strip() == wanted.strip()


def test_every_command_of_the_readme_is_a_target_of_the_makefile():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    commands = set(re.findall(r"^make (\w+)", README.read_text("utf-8"), re.MULTILINE))
    assert commands == {"demo", "test"}
    assert all(f"\n{command}:" in makefile for command in commands)


PAGES = [path for path in (ROOT / "docs").glob("*.md") if ">>>" in path.read_text("utf-8")]


@pytest.mark.parametrize("page", sorted(path.name for path in PAGES))
def test_the_python_examples_of_a_page(page):
    result = doctest.testfile(str(ROOT / "docs" / page), module_relative=False)
    assert result.attempted > 0 and result.failed == 0
