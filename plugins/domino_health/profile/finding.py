"""From the name of a profile to its file, and to the file's text."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from domino_health.profile import files
from domino_health.profile.errors import Problem, ProfileError, did_you_mean

_LARGEST = 1 << 18


def find(name: str, directories: Sequence[Path]) -> Path:
    """The file of ``--profile NAME``: a path, or a name in one of the directories.

    Raises:
        ProfileError: there is none, with the names that there are.
    """
    if not name.strip():
        message = f"names no profile{did_you_mean(name, _known(directories))}"
        raise ProfileError(Path("--profile="), [Problem(0, "", message)])
    path = files.located(name, Path())
    if path.suffix in (".yaml", ".yml") or path.parent != Path():
        try:
            files.require_file(path)
        except ValueError as error:
            raise ProfileError(path, [Problem(0, "", _directory(path) or str(error))]) from None
        return path
    for directory in directories:
        for candidate in (directory / f"{name}.yaml", directory / f"{name}.yml"):
            if _is_file(candidate):
                return candidate
    # Only what is spelled as a path: `profiles` may be a name that is misspelled.
    if ("/" in name or name in (".", "..")) and (message := _directory(path)):
        raise ProfileError(path, [Problem(0, "", message)])
    source = directories[0] / f"{name}.yaml" if directories else path
    raise ProfileError(source, [Problem(0, "", f"no such profile{did_you_mean(name, _known(directories))}")])


def _directory(path: Path) -> str:
    """What to do when ``path`` is a directory, or nothing."""
    try:
        if not path.is_dir():
            return ""
    except OSError:  # a name that is too long
        return ""
    inside = ", ".join(str(file) for file in sorted(_profiles_in(path)))
    return f"is a directory; name a file in it{': ' if inside else ''}{inside}"


def _known(directories: Sequence[Path]) -> set[str]:
    return {file.stem for directory in directories for file in _profiles_in(directory)}


def _profiles_in(directory: Path) -> Iterator[Path]:
    # Hidden ones, such as .pre-commit-config.yaml, are other tools'.
    return (file for file in directory.glob("[!.]*.y*ml") if _is_file(file))


def _is_file(path: Path) -> bool:
    try:
        files.require_file(path)
    except ValueError:
        return False
    return True


def text_of(source: Path, kind: str = "profile") -> str:
    """The text of a file, which should be of this kind.

    Raises:
        ProfileError: it cannot be read, is too large, or is not UTF-8.
    """
    try:
        content = files.read(source, _LARGEST)
    except ValueError as error:
        raise ProfileError(source, [Problem(0, "", f"cannot be read: {error}")]) from None
    if len(content) > _LARGEST:
        raise ProfileError(source, [Problem(0, "", f"larger than 256 KiB; this is not a {kind}")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        message = f"cannot be read: byte {byte:#04x} is not UTF-8; save the file as UTF-8"
        raise ProfileError(source, [Problem(line, "", message)]) from None
