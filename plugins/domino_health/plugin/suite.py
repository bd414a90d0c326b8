"""Where the checks stand, and all of them by id."""

import importlib
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domino_health.vocabulary import spec_of

_PACKAGE = Path(__file__).resolve().parents[1]

SUITE = _PACKAGE / "suite" if (_PACKAGE / "suite").is_dir() else _PACKAGE.parents[1]
"""The folder of ``checks/``, ``conftest.py`` and ``profiles/``: in the wheel, or the clone's own."""


def known_checks() -> dict[str, Callable[..., Any]]:
    """All checks by id, whatever this run selects: profiles are held against them.

    Raises:
        pytest.UsageError: another package called ``checks`` in the way, a module that cannot be
            imported, or an id that is used twice.
    """
    if str(SUITE) not in sys.path:
        sys.path.insert(0, str(SUITE))
    known: dict[str, Callable[..., Any]] = {}
    package = importlib.import_module("checks")
    if SUITE / "checks" not in map(Path, getattr(package, "__path__", ())):
        raise pytest.UsageError(
            f"another module called checks was imported first, {package.__file__ or list(package.__path__)}: "
            "call pytest --profile from another directory"
        )
    for found in pkgutil.iter_modules(package.__path__, "checks."):
        try:
            module = importlib.import_module(found.name)
        # A module may raise anything at import, and may skip itself: name it, whatever it is.
        except (Exception, SystemExit, pytest.skip.Exception) as error:
            raise pytest.UsageError(
                f"{found.name} cannot be imported: {type(error).__name__}: {error}"
            ) from error
        for function in vars(module).values():
            spec = spec_of(function)
            if spec is None or function.__module__ != found.name:
                continue
            if not found.name.startswith("checks.test_") or not function.__name__.startswith("test_"):
                raise pytest.UsageError(
                    f"{spec.id} would never run: pytest collects neither a module nor a function that is not "
                    f"called test_…; rename {_place(function)}"
                )
            if spec.id in known:
                raise pytest.UsageError(
                    f"{spec.id} is used twice: by {_place(known[spec.id])} and {_place(function)}"
                )
            known[spec.id] = function
    return known


def runbook(id: str) -> Path | None:
    """The page for who is to mend what a check found; None for a check that has none."""
    path = SUITE / "docs" / "runbooks" / f"{id}.md"
    return path if path.is_file() else None


def _place(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
