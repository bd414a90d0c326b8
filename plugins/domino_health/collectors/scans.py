"""Vulnerability reports that others have made: files of Trivy and Grype, and Trivy operator's objects.

Nothing is scanned here. A file is read whole, within a bound, and decoded at once into what is kept of it.
"""

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from domino_health.collectors.kubernetes import Listing
from domino_health.collectors.looking import (
    CollectionError,
    Deadline,
    Look,
    NothingToLookAtError,
    NotInstalledError,
    Target,
)
from domino_health.collectors.scan_formats import (
    NoReportError,
    OperatorReport,
    OperatorReportList,
    read_report,
)
from domino_health.facts.observed import Outcome
from domino_health.facts.rights import Right
from domino_health.facts.scans import ScanReport
from domino_health.profile import Profile
from domino_health.profile.files import read

LONGEST = 64 << 20
"""Bytes of a file. That of an environment with thousands of packages has a few million."""
MOST = 5_000
"""Files of a directory, with those below it."""
KINDS = 3
"""Reasons that an error tells."""
NAMED = 20
"""Files that it names for each."""
CURE = (
    "write them anew with `trivy image --format json --output FILE IMAGE` or `grype IMAGE -o json`, an image "
    "each, and keep other files out of there"
)
MISSING = "see whether the scan that writes it has run, and whether scans.reports names the right path"
INSTALL = "install Trivy operator there, or leave out scans.operator: then it is read where it is installed"

REPORTS = Listing(
    "The vulnerability reports of Trivy operator.",
    "vulnerabilityreports",
    OperatorReportList,
    "/apis/aquasecurity.github.io/v1alpha1",
    unless_installed="Trivy operator is not installed",
    at_once=50,
)
"""A report may have a megabyte, as etcd allows."""


@dataclass(frozen=True)
class Scans:
    """A collector: one target for each file or directory, and one a cluster for Trivy operator's reports."""

    what: str = "Vulnerability reports of images, as Trivy, Grype and Trivy operator have written them."
    rights: tuple[Right, ...] = REPORTS.rights

    def rights_for(self, profile: Profile) -> tuple[Right, ...]:
        """None where the profile keeps the operator out."""
        return () if profile.scans is None or profile.scans.operator is False else self.rights

    def __call__(self, look: Look) -> list[Target[ScanReport]]:
        """The targets.

        Raises:
            NothingToLookAtError: the operator's reports alone are wanted, and there is no cluster.
        """
        section = look.profile.scans
        if section is None:
            return []
        targets: list[Target[ScanReport]] = [
            Target(str(path), f"read {path}", section.deadline, partial(_read, path))
            for path in section.reports or ()
        ]
        if section.operator is not False:
            must = bool(section.operator)
            targets += [replace(each, look=partial(_list, each.look, must)) for each in REPORTS(look)]
        if not targets:
            raise NothingToLookAtError("the profile has no cluster that Trivy operator could run in")
        return targets


scan_reports = Scans()


def _list(
    look: Callable[[Deadline, Callable[[str], None]], Sequence[OperatorReport]],
    must: bool,
    deadline: Deadline,
    say: Callable[[str], None],
) -> list[ScanReport]:
    """The operator's reports, as they are kept."""
    try:
        return [each.kept() for each in look(deadline, say)]
    except NotInstalledError as error:
        if must:
            raise CollectionError(str(error), INSTALL) from None
        raise
    except CollectionError as error:
        error.seen = [each.kept() for each in error.seen]
        raise


def _read(path: Path, deadline: Deadline, say: Callable[[str], None]) -> list[ScanReport]:
    """The report of a file, or those of a directory.

    Raises:
        CollectionError: it cannot be read, or not all of it is reports; those that were read go with it.
    """
    reports: list[ScanReport] = []
    broken: dict[str, list[str]] = defaultdict(list)
    files = list(_files(path))
    for number, file in enumerate(files[:MOST]):
        deadline.remaining()
        say(f"{number} of {len(files)}")
        name = str(file.relative_to(path)) if file != path else file.name
        try:
            reports.append(read_report(_content(file), name))
        except ValueError as error:
            broken[str(error)].append(name)
    if broken:
        raise _refused(f"{path}: {_told(broken, len(files), alone=file == path)}", CURE, reports)
    if len(files) > MOST:
        raise _refused(f"{path}: more than {MOST} files", "name smaller directories", reports)
    return reports


def _told(broken: Mapping[str, Sequence[str]], of: int, *, alone: bool) -> str:
    """Which files are no reports, by what is wrong with them: the reason of most first."""
    by_reason = sorted(broken.items(), key=lambda each: -len(each[1]))
    if alone:
        return by_reason[0][0]
    said = []
    for reason, names in by_reason[:KINDS]:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        said.append(f"{reason} ({', '.join(names[:NAMED])}{more})")
    others = sum(len(names) for _, names in by_reason[KINDS:])
    said += [f"and {others} more"] if others else []
    return f"{sum(map(len, broken.values()))} of {of} files are not read: {'; '.join(said)}"


def _files(path: Path) -> Iterator[Path]:
    """A file itself, or the JSON files of a directory and below it, at most one more than are read.

    Raises:
        CollectionError: it cannot be read.
    """
    try:
        a_directory = stat.S_ISDIR(path.stat().st_mode)
    except OSError as error:
        raise _refused(f"{path}: {(error.strerror or 'cannot be read').lower()}", MISSING) from None
    if not a_directory:
        yield path
        return
    found = 0

    def refuse(error: OSError) -> None:
        where = error.filename or path
        raise _refused(f"{where}: {(error.strerror or 'cannot be read').lower()}", "let this account read it")

    for folder, folders, names in os.walk(path, onerror=refuse):
        folders.sort()
        for name in sorted(names):
            if name.endswith(".json") and found <= MOST:
                found += 1
                yield Path(folder, name)


def _content(file: Path) -> bytes:
    content = read(file, LONGEST)
    if len(content) > LONGEST:
        raise NoReportError(f"larger than {LONGEST >> 20} MiB")
    return content


def _refused(reason: str, cure: str, seen: Sequence[ScanReport] = ()) -> CollectionError:
    return CollectionError(reason, cure, Outcome.TRUNCATED if seen else Outcome.FAILED, seen)
