"""The words a check is written with."""

import re
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from domino_health import Assessment, Duration, Finding, Ref, Severity, Unseen, check, vocabulary
from domino_health.vocabulary import clean, shorten, spec_of, threshold_types


def healthy(pods: list[Any], *, max_wait: Duration = timedelta(minutes=10)) -> Assessment:
    """No pod waits.

    Somebody is waiting for it.

    Remediation: add nodes, and
    wait.
    """
    return Assessment(pods, [])


def documented(docstring: str | None) -> Callable[..., Assessment]:
    def function(pods: list[Any]) -> Assessment:
        return Assessment(pods, [])

    function.__doc__ = docstring
    return function


def mark(function: Callable[..., Any], id: str = "TST-001") -> Callable[..., Any]:
    return check(id, severity=Severity.HIGH)(function)


GOOD = "Title.\n\nRationale.\n\nRemediation: mend it."


# @check


def test_check_reads_everything_off_the_function() -> None:
    marked = mark(healthy, "DOM-042")

    spec = spec_of(marked)

    assert spec is not None
    assert (spec.id, spec.area, spec.severity) == ("DOM-042", "DOM", Severity.HIGH)
    assert spec.title == "No pod waits."
    assert spec.rationale == "Somebody is waiting for it."
    assert spec.remediation == "add nodes, and wait."
    assert spec.facts == ("pods",)
    assert spec.thresholds == {"max_wait": timedelta(minutes=10)}


def test_check_leaves_the_function_as_it_is() -> None:
    function = documented(GOOD)

    assert mark(function) is function
    assert function([1]) == Assessment([1], [])


def test_what_is_not_marked_has_no_specification() -> None:
    assert spec_of(lambda: None) is None
    assert spec_of(None) is None


def test_a_mock_that_has_every_attribute_is_no_check() -> None:
    class Anything:
        def __getattr__(self, name: str) -> object:
            return object()

    assert spec_of(Anything()) is None


@pytest.mark.parametrize("id", ["SCHED-001", "IDP-999", "A1B-000", "X-123"])
def test_an_id_is_an_area_and_three_digits(id: str) -> None:
    assert spec_of(mark(documented(GOOD), id)) is not None


@pytest.mark.parametrize(
    "id",
    [
        *["", "SCHED", "SCHED-1", "SCHED-0001", "sched-001", "SCHED_001", "1A-001", "-001", "SCHED-ABC"],
        *[" SCHED-001", "SCHED-001\n", "SCHED-001 ", "SCHED-\u0660\u0660\u0661", "SCHÉD-001", "A-B-001"],
    ],
)
def test_a_malformed_id_is_refused(id: str) -> None:
    with pytest.raises(ValueError, match="an id is an area and three digits, such as SCHED-001"):
        mark(documented(GOOD), id)


@pytest.mark.parametrize(
    ("docstring", "problem"),
    [
        (None, "a sentence with a period"),
        ("", "a sentence with a period"),
        ("Title\n\nRationale.\n\nRemediation: mend it.", "a sentence with a period"),
        ("Title.\n\nRemediation: mend it.", "a rationale must follow"),
        ("Title.\n\nRationale.", "it must end with 'Remediation:' and sentences"),
        ("Title.\n\nRationale.\n\nRemediation:", "it must end with 'Remediation:' and sentences"),
        ("Title.\n\nRationale.\n\nRemediation: mend it", "it must end with 'Remediation:' and sentences"),
        ("Title.\n\nRationale.\n\nremediation: mend it.", "it must end with 'Remediation:' and sentences"),
    ],
)
def test_a_docstring_without_title_rationale_or_remediation_is_refused(
    docstring: str | None, problem: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)):
        mark(documented(docstring))


def test_all_that_a_docstring_lacks_is_told_at_once() -> None:
    with pytest.raises(ValueError, match=r"TST-001.*documented.*first line.*rationale.*Remediation"):
        mark(documented(None))


def signature_with_default(pods: list[Any] = []) -> None:  # noqa: B006 (what is refused)
    pass


def signature_threshold_without_default(pods: list[Any], *, max_wait: int) -> None:
    pass


def signature_args(*pods: list[Any]) -> None:
    pass


def signature_kwargs(**pods: list[Any]) -> None:
    pass


def signature_positional_only(pods: list[Any], /) -> None:
    pass


@pytest.mark.parametrize(
    "function",
    [
        signature_with_default,
        signature_threshold_without_default,
        signature_args,
        signature_kwargs,
        signature_positional_only,
    ],
)
def test_a_parameter_that_is_neither_a_fact_nor_a_threshold_is_refused(
    function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(function, "__doc__", GOOD)

    with pytest.raises(ValueError, match=r"is neither a fact .* nor a threshold"):
        mark(function)


def test_a_parameter_without_an_annotation_is_refused() -> None:
    function = eval("lambda pods: None")
    function.__doc__ = GOOD

    with pytest.raises(ValueError, match="'pods' of <lambda> has no annotation"):
        mark(function)


def test_a_method_is_refused_because_of_self() -> None:
    class Pods:
        def test(self, pods: list[Any]) -> None:
            pass

    Pods.test.__doc__ = GOOD

    with pytest.raises(ValueError, match=r"'self' .* has no annotation"):
        mark(Pods.test)


def test_a_check_may_need_no_fact_and_no_threshold() -> None:
    def function() -> None:
        pass

    function.__doc__ = GOOD

    spec = spec_of(mark(function))

    assert spec is not None
    assert (spec.facts, spec.thresholds) == ((), {})


def test_the_types_of_thresholds_are_known_without_those_of_facts() -> None:
    # Facts may be annotated with what is imported for type checkers alone.
    def function(pods: "list[NeverImported]", *, max_wait: "Duration" = timedelta(0)) -> None:  # type: ignore[name-defined]  # noqa: F821
        pass

    function.__doc__ = GOOD

    assert threshold_types(mark(function)) == {"max_wait": Duration}


def test_a_second_check_of_one_name_would_make_the_first_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    first = mark(documented(GOOD), "TST-001")
    monkeypatch.setitem(globals(), "function", first)

    with pytest.raises(ValueError, match="TST-001 is a function called function as well"):
        mark(documented(GOOD), "TST-002")
    mark(documented(GOOD), "TST-001")  # the same module once more, reloaded


def test_a_second_check_of_one_name_and_one_id_would_make_the_first_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def function(pods: list[Any]) -> Assessment:
        return Assessment(pods, [])

    function.__doc__ = GOOD
    monkeypatch.setitem(globals(), "function", mark(function, "TST-001"))

    with pytest.raises(ValueError, match="TST-001 is a function called function as well"):
        mark(documented(GOOD), "TST-001")


# Severity


def test_severities_are_ordered_from_low_to_critical() -> None:
    assert Severity.LOW < Severity.MEDIUM < Severity.HIGH < Severity.CRITICAL
    assert max(Severity) is Severity.CRITICAL
    assert Severity.HIGH >= Severity.HIGH
    assert not Severity.HIGH > Severity.HIGH
    assert sorted([Severity.HIGH, Severity.LOW, Severity.CRITICAL, Severity.MEDIUM]) == list(Severity)


def test_a_severity_is_compared_with_severities_alone() -> None:
    with pytest.raises(TypeError):
        Severity.LOW < "medium"  # noqa: B015


def test_a_severity_reads_as_a_word() -> None:
    assert f"{Severity.HIGH}" == "high"
    assert Severity("critical") is Severity.CRITICAL


# What comes from outside is cleaned at the door

HOSTILE = "\x1b[31mred\x1b[0m\x00\x07\x7f\x9b\ud800\udfff\ufffe\uffff<script>"


def assert_clean(text: str) -> None:
    text.encode()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", text)


def test_clean_takes_away_what_terminals_xml_and_utf_8_refuse() -> None:
    assert_clean(clean(HOSTILE))
    assert clean(HOSTILE).endswith("<script>")
    assert clean("tab\tline\nend ✓ 日本 🎉") == "tab\tline\nend ✓ 日本 🎉"


def test_what_python_calls_printable_has_nothing_to_be_cleaned_of() -> None:
    """By which ``clean`` tells nearly every name without looking closer."""
    printable = "".join(each for each in map(chr, range(sys.maxunicode + 1)) if each.isprintable())

    assert len(printable) > 100_000
    assert vocabulary._UNPRINTABLE.search(printable) is None


def test_clean_turns_a_carriage_return_into_something_visible() -> None:
    # "\r" alone lets a name overwrite the line that it stands in.
    assert "\r" not in clean("OPEN\rCLOSED")


def test_clean_takes_away_what_turns_the_direction_of_writing() -> None:
    assert clean("safe\u202egnp.exe") == "safe\N{REPLACEMENT CHARACTER}gnp.exe"


def test_shorten_says_how_much_is_missing() -> None:
    assert shorten("x" * 2100, 2000) == "x" * 2000 + "… (100 characters more)"
    assert shorten("x" * 2000, 2000) == "x" * 2000


def test_nothing_is_cut_before_secrets_are_taken_out() -> None:
    # Half of a secret is not recognised any more: texts are bounded when a result is complete.
    ref = Ref("", "pod", "ns", "x" * 5000)

    assert len(ref.name) == 5000
    assert len(Finding(ref, "x" * 5000).message) == 5000
    assert len(Unseen("a", "x" * 5000, "b").reason) == 5000


def test_every_word_that_carries_a_name_or_a_message_is_cleaned() -> None:
    ref = Ref(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    texts = [
        *[ref.cluster, ref.kind, ref.namespace, ref.name],
        Finding(ref, HOSTILE).message,
        *[Unseen(HOSTILE, HOSTILE, HOSTILE).reason, Unseen(HOSTILE, HOSTILE, HOSTILE).target],
        Unseen(HOSTILE, HOSTILE, HOSTILE).cure,
        *[Assessment([], [], window=HOSTILE).window, Assessment([], [], worst=HOSTILE).worst],
    ]

    for text in texts:
        assert_clean(text)


# Ref


@pytest.mark.parametrize(
    ("ref", "text"),
    [
        (Ref("east", "pod", "domino-compute", "run-1"), "pod/domino-compute/run-1"),
        (Ref("east", "node", "", "node-1"), "node/node-1"),
        (Ref("", "endpoint", "", "domino.example.com:443"), "endpoint/domino.example.com:443"),
    ],
)
def test_a_ref_reads_as_kubectl_would_say_it(ref: Ref, text: str) -> None:
    assert str(ref) == text
    assert ref.text(with_cluster=False) == text


def test_a_ref_names_its_cluster_where_there_is_more_than_one() -> None:
    assert Ref("east", "node", "", "a").text(with_cluster=True) == "east: node/a"
    assert Ref("", "endpoint", "", "a").text(with_cluster=True) == "endpoint/a"


def test_refs_are_sorted_and_can_be_counted() -> None:
    refs = [Ref("b", "pod", "ns", "x"), Ref("a", "pod", "ns", "y"), Ref("a", "pod", "ns", "x")]

    assert sorted(refs) == [refs[2], refs[1], refs[0]]
    assert len({*refs, Ref("a", "pod", "ns", "x")}) == 3


# Assessment


def test_an_assessment_takes_any_iterable_of_findings() -> None:
    ref = Ref("", "pod", "ns", "a")

    assessment = Assessment(
        [1], (Finding(ref, text) for text in ("a", "b")), unseen=iter([Unseen("x", "y", "z")])
    )

    assert len(tuple(assessment.findings)) == 2
    assert assessment.findings == tuple(assessment.findings), "read once, it can be read again"
    assert assessment.unseen == (Unseen("x", "y", "z"),)


def test_a_finding_is_of_the_checks_severity_unless_it_says_so() -> None:
    ref = Ref("", "pod", "ns", "a")

    assert Finding(ref, "m").severity is None
    assert Finding(ref, "m", Severity.LOW).severity is Severity.LOW
    assert Finding(ref, "m").count == 1
