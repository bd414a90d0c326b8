"""Files that a profile or a user names: whatever the name, looking neither waits nor breaks."""

import stat
from pathlib import Path


def located(name: str, directory: Path) -> Path:
    """The path of a name: ``~`` is understood, a relative one is relative to ``directory``."""
    try:
        return directory / Path(name).expanduser()
    except RuntimeError:  # nobody has this home
        return directory / name


def require_file(path: Path) -> None:
    """Refuse what is not there, and what may never end: a pipe, a device.

    Raises:
        ValueError: why it is refused. The path is not in it: it may come from a reference.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ValueError((error.strerror or "cannot be read").lower()) from None
    if not stat.S_ISREG(mode):
        raise ValueError("not a file")


def read(path: Path, longest: int) -> bytes:
    """The content of a file, or one byte more than ``longest`` of it.

    Raises:
        ValueError: why it cannot be read, without its path.
    """
    require_file(path)
    try:
        with path.open("rb") as file:
            return file.read(longest + 1)
    except OSError as error:
        raise ValueError((error.strerror or "cannot be read").lower()) from None
