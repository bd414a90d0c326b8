"""The words a check is written with: ``@check``, Assessment, Finding, Unseen, Ref, Severity, Attachment.

A check is a plain pytest function. Its parameters without a default are facts, its keyword-only
parameters are its thresholds, its docstring is its documentation, and what it returns says what was
assessed and what was found wanting. Nothing here looks at anything or knows of pytest.
"""

import enum
import functools
import inspect
import re
import sys
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeVar, get_type_hints

_ID = re.compile(r"[A-Z][A-Z0-9]*-[0-9]{3}")
# C0 and C1 controls but tab and newline, lone surrogates, the two non-characters that XML refuses, and what
# turns the direction of writing: it makes a name read as another one, and reaches beyond its own text.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")

Function = TypeVar("Function", bound=Callable[..., Any])


def clean(text: str) -> str:
    """``text`` fit for a terminal, an XML file and a page: no control characters."""
    if text.isprintable():  # nearly every name; Python counts none of those characters among the printable
        return text
    return _UNPRINTABLE.sub("�", text.replace("\r\n", "\n"))


def shorten(text: str, longest: int) -> str:
    """``text`` of bounded length, saying what is left out: events of 20 kB have been seen.

    Only after secrets have been taken out: half a secret is not recognised any more.
    """
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest} characters more)"


@functools.total_ordering
class Severity(enum.Enum):
    """How bad a finding is. A gate closes at one of these; by default at high."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Severity):
            return NotImplemented
        order = list(Severity)
        return order.index(self) < order.index(other)

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, order=True)
class Ref:
    """Names an object everywhere, as kubectl would: ``pod/domino-compute/run-1``.

    ``cluster`` is the profile's name for it, empty for what is in no cluster (a TLS endpoint), and
    ``namespace`` is empty for what is in none (a node).
    """

    cluster: str
    kind: str
    namespace: str
    name: str

    def __post_init__(self) -> None:
        for part in ("cluster", "kind", "namespace", "name"):
            object.__setattr__(self, part, clean(getattr(self, part)))

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)

    def text(self, *, with_cluster: bool) -> str:
        """The name, with its cluster in front where a profile has more than one."""
        return f"{self.cluster}: {self}" if with_cluster and self.cluster else str(self)


@dataclass(frozen=True)
class Finding:
    """One object that is not as it should be."""

    subject: Ref
    """What stays tomorrow (the deployment, not its pod), so that waivers and baselines match."""
    message: str
    """What was observed and the threshold it misses."""
    severity: Severity | None = None
    """None means the check's own; lower where the value decides. A higher one is an error."""
    count: int = 1
    """How many objects stand behind the subject, all of them."""
    examples: tuple[Ref, ...] = ()
    """A few of them."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", clean(self.message))


@dataclass(frozen=True)
class Unseen:
    """Something that could not be looked at. Not knowing is not health."""

    target: str
    """Which cluster, endpoint or store; or what a check could not see."""
    reason: str
    """What was tried and what came back."""
    cure: str
    """What would help, for a denied read the rule to add."""
    outcome: str = "failed"
    """denied, timed out, failed, truncated, or broken: then it says nothing of the target."""
    fact: str = ""
    """The fact whose target this is."""

    def __post_init__(self) -> None:
        for part in ("target", "reason", "cure"):
            object.__setattr__(self, part, clean(getattr(self, part)))


@dataclass(frozen=True)
class Attachment:
    """What a check measured: a table, a picture, or both. It stands in the reports, on a pass too."""

    title: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    svg: str = ""
    """A whole SVG document. Reports show it as an image: no script in it runs, nothing is loaded."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "title", clean(self.title))
        object.__setattr__(self, "columns", tuple(map(clean, self.columns)))
        object.__setattr__(self, "rows", tuple(tuple(map(clean, row)) for row in self.rows))
        if wrong := next((row for row in self.rows if len(row) != len(self.columns)), None):
            raise ValueError(
                f"{self.title!r} has {len(self.columns)} columns, and a row of {len(wrong)}: {wrong}"
            )

    @classmethod
    def table(cls, title: str, columns: Iterable[object], rows: Iterable[Iterable[object]]) -> "Attachment":
        """Rows, each as long as ``columns``; every cell is shown as its text."""
        return cls(title, tuple(map(str, columns)), tuple(tuple(map(str, row)) for row in rows))

    @classmethod
    def plot(cls, title: str, svg: str) -> "Attachment":
        """A picture; ``domino_health.plots`` draws the usual ones."""
        return cls(title, svg=svg)


@dataclass(frozen=True)
class Assessment:
    """What a check returns: n objects were assessed, these were found wanting.

    An empty population is "nothing to assess", never a pass: a wrong label must not make a platform
    look healthy.
    """

    population: Collection[object]
    findings: Iterable[Finding]
    unseen: Iterable[Unseen] = ()
    """What the check itself could not judge; the engine adds the unseen targets of its facts."""
    window: str = ""
    """The time that was seen, where it matters: "events of the last 52 m"."""
    worst: str = ""
    """The worst value seen, on a pass too: "4 m 12 s of 10 m"."""
    attachments: Iterable[Attachment] = ()
    """What was measured; kept on a pass as well."""

    def __post_init__(self) -> None:
        for part in ("findings", "unseen", "attachments"):
            object.__setattr__(self, part, tuple(getattr(self, part)))
        for part in ("window", "worst"):
            object.__setattr__(self, part, clean(getattr(self, part)))


def area_of(id: str) -> str:
    """``SCHED`` of ``SCHED-001``; nothing for what has no dash."""
    return id.rpartition("-")[0]


@dataclass(frozen=True)
class CheckSpec:
    """What ``@check`` read off a function."""

    id: str
    severity: Severity
    title: str
    """The docstring's first line: the healthy rule, a sentence."""
    rationale: str
    remediation: str
    facts: tuple[str, ...]
    """Names of the parameters without a default."""
    thresholds: dict[str, Any] = field(hash=False)
    """Name to default of each keyword-only parameter."""

    @property
    def area(self) -> str:
        """``SCHED`` of ``SCHED-001``."""
        return area_of(self.id)


def check(id: str, *, severity: Severity) -> Callable[[Function], Function]:
    """Mark a function as the check ``id``; ``severity`` is the worst that it can find.

    Raises:
        ValueError: at import, for a malformed id, a docstring without a title, a rationale or
            ``Remediation:``, or a signature that is not facts, then keyword-only thresholds.
    """
    if not _ID.fullmatch(id):
        raise ValueError(f"@check({id!r}): an id is an area and three digits, such as SCHED-001")

    def mark(function: Function) -> Function:
        before = spec_of(function.__globals__.get(function.__name__))
        if before and not (before.id == id and _same(function, function.__globals__[function.__name__])):
            # Python would forget it, and nobody would miss it.
            raise ValueError(f"@check({id!r}): {before.id} is a function called {function.__name__} as well")
        title, rationale, remediation = _documentation(id, function)
        facts, thresholds = _parameters(id, function)
        spec = CheckSpec(id, severity, title, rationale, remediation, facts, thresholds)
        function.__check__ = spec  # type: ignore[attr-defined]
        return function

    return mark


def _same(function: Callable[..., Any], before: Callable[..., Any]) -> bool:
    """Whether one is the other, reloaded: on the same line."""
    lines = {inspect.unwrap(each).__code__.co_firstlineno for each in (function, before)}
    return len(lines) == 1


def spec_of(function: object) -> CheckSpec | None:
    """What ``@check`` said of a function, or None for one it does not mark."""
    spec = getattr(function, "__check__", None)
    return spec if isinstance(spec, CheckSpec) else None


def threshold_types(function: Callable[..., Any]) -> dict[str, Any]:
    """The annotation of each threshold, ``Annotated`` kept. Fact types are not evaluated here."""
    names = spec.thresholds if (spec := spec_of(function)) else {}
    annotations = {name: text for name, text in function.__annotations__.items() if name in names}
    namespace = SimpleNamespace(__annotations__=annotations)
    return get_type_hints(namespace, function.__globals__, include_extras=True)


def _documentation(id: str, function: Callable[..., Any]) -> tuple[str, str, str]:
    if sys.flags.optimize > 1:
        raise ValueError(
            f"@check({id!r}): python -OO (PYTHONOPTIMIZE=2) takes away the docstrings that checks are made of"
        )
    title, _, rest = inspect.cleandoc(function.__doc__ or "").partition("\n")
    rationale, marker, remediation = rest.partition("Remediation:")
    problems = [
        problem
        for wrong, problem in [
            (
                not title.strip().endswith("."),
                "its first line must be the healthy rule, a sentence with a period",
            ),
            (not rationale.strip(), "a rationale must follow the first line"),
            (
                not marker or not remediation.strip().endswith("."),
                "it must end with 'Remediation:' and sentences",
            ),
        ]
        if wrong
    ]
    if problems:
        raise ValueError(f"@check({id!r}): the docstring of {function.__qualname__}: {'; '.join(problems)}")
    return title.strip(), inspect.cleandoc(rationale), " ".join(remediation.split())


def _parameters(id: str, function: Callable[..., Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
    facts: list[str] = []
    thresholds: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.default is parameter.empty:
            facts.append(name)
        elif parameter.kind is parameter.KEYWORD_ONLY and parameter.default is not parameter.empty:
            thresholds[name] = parameter.default
        else:
            raise ValueError(
                f"@check({id!r}): {name!r} of {function.__qualname__} is neither a fact (no default) "
                "nor a threshold (keyword-only, with a default)"
            )
        if parameter.annotation is parameter.empty:
            raise ValueError(f"@check({id!r}): {name!r} of {function.__qualname__} has no annotation")
    return tuple(facts), thresholds
