"""What import-linter cannot see: a check that imports a collector's words from the public names."""

import ast
from pathlib import Path

import pytest

import domino_health

CHECKS = sorted((Path(__file__).parents[1] / "checks").glob("*.py"))
LOOKING = ("collectors.", "profile.", "plugin.")
"""Where the public names live by which one looks, declares facts, or reads profiles."""


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: path.stem)
def test_a_check_imports_nothing_that_looks(path: Path) -> None:
    names = {
        alias.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "domino_health"
        for alias in node.names
    }

    assert not [name for name in names if domino_health._HOMES[name].startswith(LOOKING)]


def test_there_are_names_that_look_among_the_public_ones() -> None:
    assert [name for name, home in domino_health._HOMES.items() if home.startswith(LOOKING)]
