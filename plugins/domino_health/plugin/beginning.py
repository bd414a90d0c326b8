"""``--init-profile``: looks at what kubectl would talk to, and writes a first profile of it."""

import os
import re
import sys
import time
from pathlib import Path

import pytest

from domino_health.collectors.looking import CollectionError
from domino_health.collectors.survey import survey
from domino_health.facts.survey import Survey
from domino_health.gate import INTERRUPTED, OPEN
from domino_health.plugin.signals import interruptible
from domino_health.profile import starter
from domino_health.vocabulary import clean

STILL_EVERY = 5.0
"""Seconds between two lines while one thing is looked at."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def begin(config: pytest.Config) -> int:
    """Write ``profiles/NAME.yaml`` where pytest was called. What could not be looked at stands in it.

    Returns:
        The exit status: 0, or 2 where somebody ended it.

    Raises:
        pytest.UsageError: no name for a file, one that is there already, a context that is not, or nowhere
            to write.
    """
    interruptible(config)
    try:
        _begin(config)
    except KeyboardInterrupt:
        print("domino-health: --init-profile was interrupted", file=sys.stderr)
        return INTERRUPTED
    return OPEN


def _begin(config: pytest.Config) -> None:
    name = config.option.health_init_profile
    here = config.invocation_params.dir
    try:
        path = _path(here / "profiles", name)
    except OSError as error:
        raise _unwritten(Path("profiles", f"{name}.yaml"), error) from None
    try:
        found = survey(name, config.option.health_kube_context, _Progress())
    except CollectionError as error:
        raise pytest.UsageError(f"--kube-context: {error.reason}: {error.cure}") from None
    shown = path.relative_to(here)
    text = starter.starter(found)
    try:
        path.parent.mkdir(exist_ok=True)
        _write(path, text)
    except FileExistsError:
        raise _taken(path) from None
    except OSError as error:
        raise _unwritten(shown, error) from None
    print("\n".join(_said(found, shown)))


def _write(path: Path, text: str) -> None:
    """The whole file or none: a disk may be full, and somebody may press Ctrl-C.

    Raises:
        FileExistsError: another one is there by now.
        OSError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        try:
            os.link(temporary, path)  # a rename would replace what is there
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            path.touch(exist_ok=False)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _path(directory: Path, name: str) -> Path:
    """The file to write, told before anything is looked at if it cannot be."""
    bare = re.sub(r"\.ya?ml$", "", name)
    if bare != name or not _NAME.fullmatch(name):
        hint = f"; write {bare}" if bare != name and _NAME.fullmatch(bare) else ""
        raise pytest.UsageError(
            f"--init-profile={name}: not a plain name: letters, digits, dots, dashes and underscores, "
            f"without .yaml{hint}"
        )
    if (directory.exists() or directory.is_symlink()) and not directory.is_dir():
        raise pytest.UsageError(f"--init-profile: {directory} is no directory; move it away")
    for path in (directory / f"{name}.yaml", directory / f"{name}.yml"):
        if path.exists() or path.is_symlink():
            raise _taken(path)
    return directory / f"{name}.yaml"


def _unwritten(path: Path, error: OSError) -> pytest.UsageError:
    return pytest.UsageError(
        f"--init-profile: {path} cannot be written: {error.strerror or error}; "
        "call pytest from a directory of your own"
    )


def _taken(path: Path) -> pytest.UsageError:
    return pytest.UsageError(
        f"--init-profile: {path} is there already, and nothing is overwritten: give another name, or "
        "move it away"
    )


class _Progress:
    """Says on standard error what is being looked at, when it changes and now and then."""

    def __init__(self) -> None:
        self._said = ""
        self._at = 0.0

    def __call__(self, what: str) -> None:
        now = time.monotonic()
        if what == self._said and now - self._at < STILL_EVERY:
            return
        still = "still " if what == self._said else ""
        print(clean(f"{still}looking at {what}"), file=sys.stderr, flush=True)
        self._said, self._at = what, now


def _said(found: Survey, path: Path) -> list[str]:
    seen, missed = starter.seen(found), starter.missed(found)
    return [
        *(["seen:", *(f"  {line}" for line in seen)] if seen else []),
        *(["not seen, and noted in the profile:", *(f"  {line}" for line in missed)] if missed else []),
        f"written: {path}",
        f"next: pytest --profile {found.name}",
    ]
