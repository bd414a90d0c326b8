"""pytest's own reports, whole or not at all: a run that is killed leaves no half file under a final name.

pytest and pytest-html write in place. So they are told another name while they write, and the file gets its
own when it is complete.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.junitxml import LogXML, xml_key  # no public name, as in reports/junit.py

_TAIL = 64
"""Bytes at a file's end in which its last tag stands."""
_LONGEST = 60
"""Characters of a file's name in that of its part, which must not be too long where the name is not."""


@contextlib.contextmanager
def written_whole(config: pytest.Config) -> Iterator[None]:
    """Within it, what pytest and pytest-html write is not there yet; after it, all of it that is complete.

    Raises:
        OSError: a file could not be given its name.
    """
    writers: list[tuple[Any, str, bytes]] = [
        (plugin, "_report_path", b"</html>")
        for plugin in config.pluginmanager.get_plugins()
        if type(plugin).__module__.startswith("pytest_html.") and hasattr(plugin, "_report_path")
    ]
    xml = config.stash.get(xml_key, None)
    if isinstance(xml, LogXML):
        writers.append((xml, "logfile", b"</testsuites>"))
    with contextlib.ExitStack() as stack:
        for writer, attribute, end in writers:
            stack.enter_context(_under_another_name(writer, attribute, end))
        yield


@contextlib.contextmanager
def _under_another_name(writer: Any, attribute: str, end: bytes) -> Iterator[None]:
    name = getattr(writer, attribute)
    if not _may_be_replaced(Path(name)):
        yield
        return
    final = Path(os.path.realpath(name))  # a link stays, and what it names is written
    part = final.with_name(f".{final.name[-_LONGEST:]}.part")
    setattr(writer, attribute, type(name)(part))
    try:
        yield
    finally:
        setattr(writer, attribute, name)
        try:
            if _ends_with(part, end):
                part.replace(final)
        finally:
            part.unlink(missing_ok=True)


def _may_be_replaced(path: Path) -> bool:
    """Not so /dev/stdout, which may be a file; nor what writers must meet: a folder, an impossible name."""
    if path.absolute().parts[1:2] in (("dev",), ("proc",)):
        return False
    try:
        return path.is_file() or not path.exists()
    except OSError:
        return False


def _ends_with(path: Path, end: bytes) -> bool:
    """Whether the file is there and complete: what was cut off lacks its last tag."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            whole = end in file.read()
            os.fsync(file.fileno())
    except FileNotFoundError:
        return False
    return whole
