"""What is kept of a vulnerability report: of which image it is, when it was made, and how many there are."""

from collections.abc import Mapping

import msgspec

from domino_health.facts.api import Moment


class ScanReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """A report of one image. Packages, paths and descriptions are left out."""

    origin: str
    """Where it was found: a file, or the operator's object."""
    scanner: str
    when: Moment | None = None
    """When it was made; None where it does not say so."""
    names: tuple[str, ...] = ()
    """The image's, with tags."""
    digests: tuple[str, ...] = ()
    """The image's, as far as the scanner knows them: of its index, its manifest, its configuration."""
    counts: Mapping[str, int] = {}
    """Vulnerabilities by severity, lower case, each id once; none of a severity that is not in it."""
    fixable_critical: int = 0
    """Critical ones that another version of their package does not have."""
    fixable: tuple[str, ...] = ()
    """Ids of a few of these."""
    cluster: str = ""
    """Whose operator has made it; empty for a file, which speaks of an image wherever it runs."""
