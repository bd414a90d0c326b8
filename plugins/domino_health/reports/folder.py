"""The folder of one run: ``reports/<profile>/<UTC time>/``, and ``latest`` beside it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from domino_health.reports.evidence import stamp


@dataclass(frozen=True)
class Folder:
    """Where one run writes. Its name is final from the start: pytest-html prints it."""

    path: Path

    @classmethod
    def make(cls, parent: Path) -> "Folder":
        """A new folder; two runs within a second get two.

        Raises:
            OSError: it cannot be made.
        """
        parent.mkdir(parents=True, exist_ok=True)
        name = stamp(datetime.now(UTC))
        for number in range(1, 1000):
            path = parent / (name if number == 1 else f"{name}-{number}")
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return cls(path)
        raise FileExistsError(f"a thousand folders called {name} in {parent}")

    def point_latest(self) -> None:
        """Let ``latest`` name this run, in one step: it never points nowhere."""
        pointer = self.path.parent / "latest"
        temporary = self.path.parent / f".latest.{self.path.name}"
        try:
            temporary.symlink_to(self.path.name)
        except (NotImplementedError, PermissionError):  # a file system without symbolic links
            temporary.write_text(self.path.name + "\n")
        try:
            temporary.replace(pointer)
        finally:
            temporary.unlink(missing_ok=True)
