"""Where the checks stand, and all of them by id."""

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from domino_health.profile.base import Section
from domino_health.profile.packs import Pack, PackError
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
    package = importlib.import_module("checks")
    if SUITE / "checks" not in map(Path, getattr(package, "__path__", ())):
        raise pytest.UsageError(
            f"another module called checks was imported first, {package.__file__ or list(package.__path__)}: "
            "call pytest --profile from another directory"
        )
    try:
        return _checks_of(package)
    except PackError as error:
        raise pytest.UsageError(str(error)) from error


def load_pack(name: str) -> Pack:
    """A third party's package of checks, imported, with its table of facts.

    Raises:
        PackError: it is not installed, is no package, holds no check, or one of its modules cannot be used.
    """
    if not name.isidentifier():
        raise PackError(_no_name(name))
    if name not in sys.modules and find_spec(name) is None:
        raise PackError(f"no Python package {name} is installed; install it beside domino-health")
    package = _imported(name)
    if not hasattr(package, "__path__"):
        raise PackError(f"{name} is a module; a pack is a package, with an __init__.py and modules test_*.py")
    if package.__file__ is None:
        raise PackError(f"{name} has no __init__.py, so it is no package: {', '.join(package.__path__)}")
    directory = Path(package.__file__).resolve().parent
    checks = _checks_of(package)
    if not checks:
        raise PackError(f"{name} holds no check: no function with @check in a module test_*.py")
    facts = _imported(f"{name}.conftest") if (directory / "conftest.py").is_file() else ModuleType(name)
    return Pack(name, directory, checks, _sections_of(package), facts)


def _no_name(name: str) -> str:
    if all(part.isidentifier() for part in name.split(".")):
        return f"{name} is inside of a package; a pack is a package of its own, without a dot"
    # As pip calls it, perhaps: acme-checks.
    near = re.sub(r"[-\s]", "_", name)
    hint = f"; did you mean {near}?" if near.isidentifier() else ""
    return f"{name} is no name of a Python package{hint}"


def _imported(name: str) -> ModuleType:
    """A module.

    Raises:
        PackError: it cannot be imported: it may raise anything, and may skip itself.
    """
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit, pytest.skip.Exception) as error:
        raise PackError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error


def _sections_of(package: ModuleType) -> dict[str, type[Section]]:
    """``SECTIONS``: what the pack adds to the profile.

    Raises:
        PackError: it is no dict of names and models.
    """
    sections = getattr(package, "SECTIONS", {})
    if not isinstance(sections, dict):
        raise PackError(f"{package.__name__}.SECTIONS must be a dict, such as {{'acme': Acme}}")
    for name, model in sections.items():
        if not (isinstance(name, str) and re.fullmatch(r"[a-z][a-z0-9_]*", name)):
            raise PackError(f"{package.__name__}.SECTIONS: {name!r} must be of a-z, 0-9 and _")
        if not (isinstance(model, type) and issubclass(model, Section)):
            raise PackError(f"{package.__name__}.SECTIONS[{name!r}] is no subclass of domino_health.Section")
    return sections


def _checks_of(package: ModuleType) -> dict[str, Callable[..., Any]]:
    """The checks of a package's modules, by id.

    Raises:
        PackError: a module that cannot be imported, a check that would never run, an id that is used twice.
    """
    known: dict[str, Callable[..., Any]] = {}
    prefix = f"{package.__name__}."
    for found in pkgutil.walk_packages(package.__path__, prefix):
        last = found.name.rpartition(".")[2]
        if last == "conftest":
            continue  # of facts, not of checks
        module = _imported(found.name)
        for function in vars(module).values():
            spec = spec_of(function)
            if spec is None or function.__module__ != found.name:
                continue
            if not last.startswith("test_") or not function.__name__.startswith("test_"):
                raise PackError(
                    f"{spec.id} would never run: pytest collects neither a module nor a function that is not "
                    f"called test_…; rename {_place(function)}"
                )
            if spec.id in known:
                raise PackError(
                    f"{spec.id} is used twice: by {_place(known[spec.id])} and {_place(function)}"
                )
            known[spec.id] = function
    return known


def table_of_facts() -> ModuleType:
    """The suite's ``conftest.py``, apart from pytest's import."""
    spec = spec_from_file_location("domino_health_facts", SUITE / "conftest.py")
    assert spec is not None, "it is a file with a name"
    assert spec.loader is not None, "of Python's"
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def runbook(id: str, packs: Iterable[Pack] = ()) -> Path | None:
    """The page for who is to mend what a check found; None for a check that has none.

    A pack's stand in its own folder ``runbooks``.
    """
    theirs = [pack.directory / "runbooks" for pack in packs if id in pack.checks]
    path = next(iter(theirs), SUITE / "docs" / "runbooks") / f"{id}.md"
    return path if path.is_file() else None


def _place(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
