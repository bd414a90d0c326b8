"""Where the checks stand, and all of them by id."""

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Iterable
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
    """A third party's package of checks, imported.

    Raises:
        PackError: it is not installed, holds no check, or one of its modules cannot be used.
    """
    if not all(part.isidentifier() for part in name.split(".")):
        raise PackError(f"{name} is no name of a Python package")
    try:
        package = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == name.partition(".")[0] or error.name == name:
            raise PackError(
                f"no Python package {name} is installed; install it beside domino-health"
            ) from None
        raise PackError(f"{name} cannot be imported: {error}") from error
    except (Exception, SystemExit) as error:
        raise PackError(f"{name} cannot be imported: {type(error).__name__}: {error}") from error
    if not getattr(package, "__path__", None):
        raise PackError(f"{name} is a module; a pack is a package, with an __init__.py and modules test_*.py")
    checks = _checks_of(package)
    if not checks:
        raise PackError(f"{name} holds no check: no function with @check in a module test_*.py")
    sections = getattr(package, "SECTIONS", {})
    if wrong := [
        key for key, model in sections.items() if not (isinstance(model, type) and issubclass(model, Section))
    ]:
        raise PackError(f"{name}.SECTIONS[{wrong[0]!r}] is no subclass of domino_health.Section")
    return Pack(name, Path(next(iter(package.__path__))).resolve(), checks, sections)


def _checks_of(package: ModuleType) -> dict[str, Callable[..., Any]]:
    """The checks of a package's modules, by id.

    Raises:
        PackError: a module that cannot be imported, a check that would never run, an id that is used twice.
    """
    known: dict[str, Callable[..., Any]] = {}
    prefix = f"{package.__name__}."
    for found in pkgutil.iter_modules(package.__path__, prefix):
        if found.name == f"{prefix}conftest":
            continue  # pytest's to import
        try:
            module = importlib.import_module(found.name)
        # A module may raise anything at import, and may skip itself: name it, whatever it is.
        except (Exception, SystemExit, pytest.skip.Exception) as error:
            raise PackError(f"{found.name} cannot be imported: {type(error).__name__}: {error}") from error
        for function in vars(module).values():
            spec = spec_of(function)
            if spec is None or function.__module__ != found.name:
                continue
            if not found.name.startswith(f"{prefix}test_") or not function.__name__.startswith("test_"):
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


def table_of_facts(directory: Path = SUITE) -> ModuleType:
    """The ``conftest.py`` of the suite, or of a pack, apart from pytest's import; empty if missing."""
    path = directory / "conftest.py"
    name = f"domino_health_facts_{abs(hash(str(directory)))}"
    if not path.is_file():
        return ModuleType(name)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, "it is a file with a name"
    assert spec.loader is not None, "of Python's"
    module = importlib.util.module_from_spec(spec)
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
