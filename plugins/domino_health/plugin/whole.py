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
    final = Path(name)
    if final.exists() and not final.is_file():  # /dev/stdout, say; or a folder in the way, which it must meet
        yield
        return
    part = final.with_name(f".{final.name}.part")
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
