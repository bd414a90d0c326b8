"""Profiles that are no YAML, no profile, or have strange keys: told with the line, and never a crash."""

import contextlib
import random
from pathlib import Path

import pytest

from domino_health.profile import Profile, ProfileError, load
from domino_health.profile.errors import did_you_mean
from profile_texts import CHECKS, VALID, load_text, mistakes, no_lab, profile


@pytest.mark.parametrize(
    "text",
    ["version: 1", "version: 1\n", "---\nversion: 1\n...\n", "{version: 1}", "\ufeffversion: 1\r\n"],
)
def test_a_profile_needs_no_section_at_all(tmp_path: Path, text: str) -> None:
    assert profile(text, tmp_path) == Profile(version=1)


def test_an_anchor_is_repeated_where_its_alias_stands(tmp_path: Path) -> None:
    text = """\
        version: 1
        clusters:
        - {name: a, namespaces: &ours [x, y]}
        - {name: b, namespaces: *ours}
    """

    assert [each.namespaces for each in profile(text, tmp_path).clusters or ()] == [("x", "y")] * 2


# No YAML, or no profile


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 0, "is empty; begin with version: 1"),
        ("\n\n# nothing\n", 0, "is empty; begin with version: 1"),
        ("---\n", 0, "is empty; begin with version: 1"),
        ("null\n", 0, "is empty; begin with version: 1"),
        ("- version: 1\n", 1, "must be keys and values; begin with version: 1"),
        ("version", 1, "must be keys and values; begin with version: 1"),
        ("42", 1, "must be keys and values; begin with version: 1"),
        ("version: 1\nclusters: [\n", 3, "not YAML: "),
        ("version: 1\nclusters:\n\t- name: a\n", 3, "not YAML: "),
        ("version: 1\ndescription: 'open\n", 3, "not YAML: "),
        ("version: 1\n  bad: indent\n", 2, "not YAML: "),
        ("version: 1\n---\nversion: 1\n", 2, "not YAML: "),
        ("version: 1\ndescription: *nowhere\n", 2, "not YAML: "),
        ("version: 1\ndescription: @x\n", 2, "not YAML: "),
        ("version: 1\ndescription: a: b\n", 2, "not YAML: "),
        ("version: 1\ndescription: 'a\x07b'\n", 2, "not YAML: the control character U+0007 must not stand"),
        ("version: 1\n\n\ndescription: \x00\n", 4, "not YAML: the control character U+0000 must not stand"),
        ('version: 1\ndescription: "\\UFFFFFFFF"\n', 2, "not YAML: a value that cannot be read"),
        (f"%YAML {'9' * 5000}.1\n---\nversion: 1\n", 1, "not YAML: a value that cannot be read"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_profile_at_all_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    ((where, path, told),) = mistakes(text, tmp_path)

    assert (where, path) == (line, "")
    assert told.startswith(message)


BEGINS_WITH = "quote a text that begins with "
LINE_UP = "wrong indentation; line up the keys of one section, and the dashes of one list"
SECOND_KEY = "two keys on one line; quote a text that holds ': '"
KEY_IN_TEXT = (
    "a key inside of a text; line it up with the other keys, put a space behind each colon, "
    "and quote a text that holds ': '"
)
TAB = "a tab; indent with spaces, not tabs"
TEXT_BEHIND = "more text behind the end of a value; quote all of it"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("clusters:\n\t- name: a\n", 3, TAB),
        ("tls:\n  endpoints:\n  \t- a\n", 4, TAB),
        ("description:\tx\n", 2, TAB),
        ("description: a: b\n", 2, SECOND_KEY),
        ("description: 'a': b\n", 2, SECOND_KEY),
        ("clusters:\n- name: a: b\n", 3, SECOND_KEY),
        ("description: a:\n", 2, SECOND_KEY),
        ("description: text\n  context: b\n", 3, KEY_IN_TEXT),
        ("clusters:\n- name:a\n  context: b\n", 4, KEY_IN_TEXT),
        ("tls:\n  endpoints: [a]\n deadline: 5s\n", 4, LINE_UP),
        ("tls:\n  endpoints:\n  - a\n - b\n", 5, LINE_UP),
        ("clusters:\n- name: a\n- name: b\n - name: c\n", 5, LINE_UP),
        ("- a\n", 2, LINE_UP),
        ("description: 'it's'\n", 2, TEXT_BEHIND),
        ("description: @x\n", 2, f"{BEGINS_WITH}@"),
        ("description: `x`\n", 2, f"{BEGINS_WITH}`"),
        ("description: %x\n", 2, f"{BEGINS_WITH}%"),
        ("tls: {endpoints: [a, @x]}\n", 2, f"{BEGINS_WITH}@"),
        ("description: *nowhere\n", 2, "found undefined alias 'nowhere'"),
        ("description: [a\n", 3, "while parsing a flow sequence expected ',' or ']', but got '<stream end>'"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_the_commonest_mistakes_of_yaml_are_told_in_plain_words_with_the_cure(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    assert mistakes(f"version: 1\n{text}", tmp_path) == [(line, "", f"not YAML: {message}")]


@pytest.mark.parametrize(
    ("text", "path", "tag"),
    [
        ("description: !!python/object:os.system x\n", "description", "!!python/object:os.system"),
        ("tls: !!python/object:os.system {a: b}\n", "tls", "!!python/object:os.system"),
        ("description: !custom x\n", "description", "!custom"),
        ("description: !<custom> x\n", "description", "!<custom>"),
        ("description: !!binary aGk=\n", "description", "!!binary"),
        ("description: !!map x\n", "description", "!!map"),
        ("clusters: !!set {a}\n", "clusters", "!!set"),
        ("clusters: !custom [{name: a}]\n", "clusters", "!custom"),
        ("clusters: [!custom {name: a}]\n", "clusters[0]", "!custom"),
        ("thresholds:\n  CAP-002: {least: !custom 3}\n", "thresholds.CAP-002.least", "!custom"),
    ],
)
def test_a_tag_is_told_by_its_name_and_to_be_removed(tmp_path: Path, text: str, path: str, tag: str) -> None:
    ((_, where, message),) = mistakes(f"version: 1\n{text}", tmp_path)

    assert (where, message) == (path, f"tags are not supported; remove {tag}")


def test_a_tag_on_the_profile_as_a_whole_is_told(tmp_path: Path) -> None:
    assert mistakes("!custom\nversion: 1\n", tmp_path) == [(1, "", "tags are not supported; remove !custom")]


def test_a_tag_that_says_what_a_value_is_anyway_is_no_mistake(tmp_path: Path) -> None:
    text = "version: !!int 1\ndescription: !!str 5\nclusters: !!seq [!!map {name: ! a}]\n"

    loaded = profile(text, tmp_path)

    assert (loaded.description, [each.name for each in loaded.clusters or ()]) == ("5", ["a"])


@pytest.mark.parametrize(
    ("content", "line", "byte"),
    [
        (b"\x89PNG\r\n\x1a\n\xff\xfe", 1, "0x89"),
        ("version: 1\n".encode("utf-16"), 1, "0xff"),
        ("version: 1\n\ndescription: Köln\n".encode("latin-1"), 3, "0xf6"),
        (bytes(range(256)), 2, "0x80"),
    ],
)
def test_a_file_that_is_not_utf_8_is_told_with_the_line_of_its_first_odd_byte(
    tmp_path: Path, content: bytes, line: int, byte: str
) -> None:
    assert mistakes(content, tmp_path) == [
        (line, "", f"cannot be read: byte {byte} is not UTF-8; save the file as UTF-8")
    ]


@pytest.mark.parametrize("more", [0, 1])
def test_a_profile_may_be_as_large_as_256_kib_and_no_larger(tmp_path: Path, more: int) -> None:
    text = "version: 1\n" + "#" * ((1 << 18) - len("version: 1\n") + more)

    if more:
        assert mistakes(text, tmp_path) == [(0, "", "larger than 256 KiB; this is not a profile")]
    else:
        assert profile(text, tmp_path).version == 1


def test_a_huge_file_is_told_as_such_without_being_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "prod.yaml"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte with nothing in it

    with pytest.raises(ProfileError, match="larger than 256 KiB"):
        load(str(path), directories=[], checks=CHECKS, start_lab=no_lab)


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(LAUGHS, id="a billion laughs"),
        pytest.param("description: &a [*a]\n", id="itself"),
        pytest.param("description: &a [*a, *a]\n", id="twice itself"),
        pytest.param("description: &a {b: *a}\n", id="itself in a mapping"),
        pytest.param("description: " + "[" * 60 + "]" * 60, id="60 deep"),
        pytest.param("description: " + "[" * 5000 + "]" * 5000, id="5000 deep"),
        pytest.param("description: " + "{a: " * 5000 + "}" * 5000, id="5000 mappings deep"),
        pytest.param("description: [" + "1, " * 60_000 + "]", id="60000 values"),
    ],
)
def test_what_unfolds_without_end_is_refused(tmp_path: Path, text: str) -> None:
    ((_, path, message),) = mistakes(f"version: 1\n{text}", tmp_path)

    assert path == ""
    assert "deeply" in message


def test_as_deep_as_a_profile_may_be_it_is_read(tmp_path: Path) -> None:
    deep = "[" * 40 + "]" * 40

    assert mistakes(f"version: 1\ndescription: {deep}\n", tmp_path) == [(2, "description", "must be text")]


# Keys


@pytest.mark.parametrize(
    ("text", "line", "path", "message"),
    [
        ("clsuters: []\n", 2, "clsuters", "unknown key; did you mean clusters?"),
        ("xyzzy: 1\n", 2, "xyzzy", "unknown key; known: clusters, description, domino"),
        ("1: x\n", 2, "1", "unknown key"),
        ("null: x\n", 2, "null", "unknown key"),
        ("on: x\n", 2, "on", "unknown key"),
        (f"{'k' * 1000}: x\n", 2, f"{'k' * 60}…", "unknown key"),
        (f"{'k' * 61}: x\n", 2, f"{'k' * 60}…", "unknown key"),
        (f"{'k' * 60}: x\n", 2, "k" * 60, "unknown key"),
        ("clsuters:\n", 2, "clsuters", "unknown key; did you mean clusters?"),
        ("xyzzy: ${NOT_SET_ANYWHERE}\n", 2, "xyzzy", "unknown key; known: "),
        ("clusters:\n- name: a\n  contxt:\n", 4, "clusters[0].contxt", "unknown key; did you mean context?"),
        ("ключ: x\n", 2, "ключ", "unknown key"),
        (
            "clusters:\n- name: a\n  contxt: b\n",
            4,
            "clusters[0].contxt",
            "unknown key; did you mean context?",
        ),
        (
            "clusters:\n- name: a\n- name: b\n  namespace: [x]\n",
            5,
            "clusters[1].namespace",
            "unknown key; did you mean namespaces?",
        ),
        (
            "tls:\n  endpoint: [a]\n  endpoints: [a]\n",
            3,
            "tls.endpoint",
            "unknown key; did you mean endpoints?",
        ),
        (
            "tls:\n  endpoints:\n  - a\n  - adress: b\n    address: b\n",
            5,
            "tls.endpoints[1].adress",
            "unknown key; did you mean address?",
        ),
        (
            "thresholds:\n  SCHED-01: {max_wait: 5m}\n",
            3,
            "thresholds.SCHED-01",
            "no such check; did you mean SCHED-001?",
        ),
        ("thresholds:\n  X:\n", 3, "thresholds.X", "no such check; known: CAP-002, IDP-001, SCHED-001"),
        ("thresholds:\n  X: 5\n", 3, "thresholds.X", "no such check; known: CAP-002, IDP-001, SCHED-001"),
        (
            "thresholds:\n  IDP-001: {x: .nan}\n",
            3,
            "thresholds.IDP-001.x",
            "IDP-001 has no such threshold",
        ),
        (
            "thresholds:\n  X: {}\n",
            3,
            "thresholds.X",
            "no such check; known: CAP-002, IDP-001, SCHED-001",
        ),
        (
            "thresholds:\n  SCHED-001:\n    max_wiat: 5m\n",
            4,
            "thresholds.SCHED-001.max_wiat",
            "SCHED-001 has no such threshold; did you mean max_wait?",
        ),
        (
            "thresholds:\n  SCHED-001: {zzz: 5m}\n",
            3,
            "thresholds.SCHED-001.zzz",
            "SCHED-001 has no such threshold; known: max_wait, max_wait_gpu",
        ),
        (
            "thresholds:\n  IDP-001: {zzz: 5m}\n",
            3,
            "thresholds.IDP-001.zzz",
            "IDP-001 has no such threshold",
        ),
        ("version: 1\n", 2, "version", "given twice, first on line 1; keep one"),
        (
            "clusters:\n- name: a\n  context: b\n  name: c\n",
            5,
            "clusters[0].name",
            "given twice, first on line 3; keep one",
        ),
        (
            "thresholds:\n  SCHED-001: {max_wait: 5m}\n  SCHED-001: {max_wait: 6m}\n",
            4,
            "thresholds.SCHED-001",
            "given twice, first on line 3; keep one",
        ),
        (
            "clusters:\n- &base {name: a}\n- {<<: *base, name: b}\n",
            4,
            "clusters[1]",
            "merge keys (<<) are not supported",
        ),
        ("? [a, b]\n: x\n", 2, "", "a key must be a plain word"),
        ("? {a: b}\n: x\n", 2, "", "a key must be a plain word"),
        ("'': x\n", 2, "", "a key must be a plain word"),
        ('"\\ud800": x\n', 2, "", "a key must be a plain word"),
        ('"\\e[31m": x\n', 2, "", "a key must be a plain word"),
        ('"a\\nb": x\n', 2, "", "a key must be a plain word"),
        ('"\\0": x\n', 2, "", "a key must be a plain word"),
        ("'a\\nb': 1\n", 2, "a\\nb", "unknown key"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_wrong_key_is_told_with_its_line_its_path_and_the_nearest_one(
    tmp_path: Path, text: str, line: int, path: str, message: str
) -> None:
    ((where, what, told),) = mistakes(f"version: 1\n{text}", tmp_path)

    assert (where, what, told[: len(message)]) == (line, path, message)


@pytest.mark.parametrize(
    ("word", "known", "told"),
    [
        ("contxt", ["context", "name"], "; did you mean context?"),
        ("zzz", ["context", "name"], "; known: context, name"),
        ("zzz", [], ""),
    ],
)
def test_the_nearest_word_is_offered_or_else_all(word: str, known: list[str], told: str) -> None:
    assert did_you_mean(word, known) == told


@pytest.mark.parametrize(
    ("text", "line", "path", "message"),
    [
        ("versoin: 1\n", 1, "versoin", "unknown key; did you mean version?"),
        ("version: 1\ntls:\n  endpoint: [a]\n", 3, "tls.endpoint", "unknown key; did you mean endpoints?"),
        ("version: 1\ntls:\n  endpoint:\n", 3, "tls.endpoint", "unknown key; did you mean endpoints?"),
        (
            "version: 1\ntls:\n  endpoints:\n  - adress: a\n",
            4,
            "tls.endpoints[0].adress",
            "unknown key; did you mean address?",
        ),
        ("version: 1\nclusters:\n- nmae: a\n", 3, "clusters[0].nmae", "unknown key; did you mean name?"),
    ],
)
def test_a_misspelled_key_is_not_told_as_missing_too(
    tmp_path: Path, text: str, line: int, path: str, message: str
) -> None:
    assert mistakes(text, tmp_path) == [(line, path, message)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("clusters:\n- zzz: a\n", [("clusters[0]", "name is missing"), ("clusters[0].zzz", "unknown key; ")]),
        (
            "clusters:\n- contxt: a\n",
            [
                ("clusters[0]", "name is missing"),
                ("clusters[0].contxt", "unknown key; did you mean context?"),
            ],
        ),
        (
            "clusters:\n- nmae: a\n- context: a\n",
            [("clusters[0].nmae", "unknown key; did you mean name?"), ("clusters[1]", "name is missing")],
        ),
    ],
)
def test_a_key_that_nothing_near_stands_for_is_told_as_missing(
    tmp_path: Path, text: str, told: list[tuple[str, str]]
) -> None:
    found = mistakes(f"version: 1\n{text}", tmp_path)

    assert [path for _, path, _ in found] == [path for path, _ in told]
    for (_, _, message), (_, begin) in zip(found, told, strict=True):
        assert message.startswith(begin)


def test_a_file_of_secrets_that_is_no_profile_is_told_without_them(tmp_path: Path) -> None:
    text = "root:$6$salt$c2VjcmV0:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n"

    found = mistakes(text, tmp_path)

    assert [(line, path) for line, path, _ in found] == [(1, ""), (1, "root:…"), (2, "daemon:…")]
    assert [message.partition(";")[0] for _, _, message in found] == [
        "version is missing",
        "unknown key",
        "unknown key",
    ]


def test_a_profile_says_its_version(tmp_path: Path) -> None:
    assert mistakes("clusters:\n- name: a\n", tmp_path) == [(1, "", "version is missing")]


# Anything


def test_a_damaged_profile_is_a_profile_or_a_mistake_and_never_a_crash(tmp_path: Path) -> None:
    dice = random.Random(7)
    whole = (
        f'{VALID}  deadline: 1m\n  namespaces: [a]\ntls: {{endpoints: ["a:1", {{address: b}}]}}\n'.encode()
    )
    scraps = [
        b"",
        b"\x00",
        b"\n",
        b"- ",
        b": ",
        b"{",
        b"]",
        b"'",
        b"!!int ",
        b"&a ",
        b"*a",
        b"${A",
        b"1:2",
        b"~",
    ]

    for _ in range(300):
        text = bytearray(whole)
        for _ in range(dice.randint(1, 4)):
            begin = dice.randrange(len(text))
            text[begin : begin + dice.randint(0, 6)] = dice.choice(scraps)
        with contextlib.suppress(ProfileError):
            load_text(bytes(text), tmp_path)
