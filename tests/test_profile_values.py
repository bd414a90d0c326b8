"""Wrong values of profiles: each is told with its line, its path and its cure, and all of them at once."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from profile_texts import CA, load_text, mistakes

EMPTY = "is empty; give it a value, or remove it"
NONE_NAMED = "is empty; name at least one, or remove it"
NO_ADDRESS = "not an address; write host, host:port or [IPv6]:port"
NO_NAME = "must be a line of 1 to 253 characters, not blank and without a slash"
A_LIST = "must be a list: write it as `- item`"
NO_NAMESPACE = "not a namespace; its name is of lowercase letters, digits and dashes"


def test_a_profile_is_read_with_its_defaults(tmp_path: Path) -> None:
    text = """\
        version: 1
        description: "Production"
        clusters:
        - name: prod
          context: prod-admin
        - {name: dr, in_cluster: true, deadline: 2m, namespaces: [domino-platform, domino-compute]}
        tls:
          endpoints:
          - domino.example.com
          - {address: "sso.example.com:8443", name: sign-in, server_name: sso}
        thresholds:
          SCHED-001: {max_wait: 5m}
    """

    loaded = load_text(text, tmp_path)

    prod, dr = loaded.profile.clusters or ()
    assert (prod.name, prod.context, prod.in_cluster) == ("prod", "prod-admin", False)
    assert prod.deadline == timedelta(minutes=1)
    assert (dr.namespaces, dr.deadline) == (("domino-platform", "domino-compute"), timedelta(minutes=2))
    assert loaded.profile.tls is not None
    short, long = loaded.profile.tls.endpoints
    assert (short.label, short.host, short.port) == ("domino.example.com", "domino.example.com", 443)
    assert short.server_name is None
    assert (long.label, long.host, long.port, long.server_name) == ("sign-in", "sso.example.com", 8443, "sso")
    assert loaded.thresholds == {"SCHED-001": {"max_wait": timedelta(minutes=5)}}
    assert loaded.name == "prod"


@pytest.mark.parametrize("version", ["2", "0", "'1'", "1.0", "true", "[1]", "{1: 1}"])
def test_a_version_that_is_not_known_is_refused(tmp_path: Path, version: str) -> None:
    assert mistakes(f"version: {version}\n", tmp_path) == [(1, "version", "must be 1 (without quotes)")]


def test_a_version_left_empty_is_refused(tmp_path: Path) -> None:
    assert mistakes("version:\n", tmp_path) == [(1, "version", EMPTY)]


def wrong(text: str, tmp_path: Path) -> tuple[int, str, str]:
    (mistake,) = mistakes(f"version: 1\n{text}", tmp_path)
    return mistake


@pytest.mark.parametrize(
    ("text", "line", "path", "message"),
    [
        ("lab: broken\n", 2, "lab", "must be 'faulty' or 'healthy'"),
        ("lab: [faulty]\n", 2, "lab", "must be 'faulty' or 'healthy'"),
        ("description: [a]\n", 2, "description", "must be text"),
        ("description: {a: b}\n", 2, "description", "must be text"),
        ('description: "\\ud800"\n', 2, "description", "must be text; it holds half a character"),
        ("clusters:\n", 2, "clusters", EMPTY),
        ("clusters: []\n", 2, "clusters", NONE_NAMED),
        ("clusters: prod\n", 2, "clusters", A_LIST),
        ("clusters: {name: a}\n", 2, "clusters", A_LIST),
        ("clusters: [prod]\n", 2, "clusters[0]", "must be keys and values, such as `name: prod`"),
        ("clusters:\n-\n", 3, "clusters[0]", EMPTY),
        ("clusters:\n- {}\n", 3, "clusters[0]", "name is missing"),
        ("tls:\n", 2, "tls", EMPTY),
        ("tls: a\n", 2, "tls", "must be keys and values, such as `endpoints: [domino.example.com]`"),
        ("tls:\n  endpoints: a\n", 3, "tls.endpoints", A_LIST),
        ("tls: {}\n", 2, "tls", "endpoints is missing"),
        ("tls: {endpoints: }\n", 2, "tls.endpoints", EMPTY),
        ("tls: {endpoints: []}\n", 2, "tls.endpoints", NONE_NAMED),
        ("tls: {endpoints: [{}]}\n", 2, "tls.endpoints[0]", "address is missing"),
        ("thresholds: 5\n", 2, "thresholds", "must be keys and values"),
        ("thresholds:\n", 2, "thresholds", EMPTY),
        ("thresholds:\n  SCHED-001: 5m\n", 3, "thresholds.SCHED-001", "must be keys and values"),
        ("thresholds:\n  SCHED-001:\n", 3, "thresholds.SCHED-001", EMPTY),
    ],
)
def test_a_section_of_another_form_is_told_with_its_line_its_path_and_the_cure(
    tmp_path: Path, text: str, line: int, path: str, message: str
) -> None:
    assert wrong(text, tmp_path) == (line, path, message)


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("name: ''", ".name", NO_NAME),
        ("name: ' '", ".name", NO_NAME),
        ("name: /a", ".name", NO_NAME),
        ("name: a/b", ".name", NO_NAME),
        ('name: "a\\nb"', ".name", NO_NAME),
        ('name: "a\\e[31m"', ".name", NO_NAME),
        (f"name: {'a' * 254}", ".name", NO_NAME),
        ("name: [a]", ".name", "must be text"),
        ("name:", ".name", EMPTY),
        ("name: a, context:", ".context", EMPTY),
        ("name: a, namespaces: []", ".namespaces", NONE_NAMED),
        ("name: a, namespaces: [x/y]", ".namespaces[0]", NO_NAMESPACE),
        ("name: a, namespaces: ['']", ".namespaces[0]", NO_NAMESPACE),
        ("name: a, namespaces: [x, Y]", ".namespaces[1]", NO_NAMESPACE),
        ("name: a, namespaces: x", ".namespaces", A_LIST),
        ("name: a, deadline: 600", ".deadline", "not a duration: 600; write a number with a unit, such as "),
        ("name: a, deadline: -5m", ".deadline", "not a duration: '-5m'"),
        ("name: a, deadline: 1:30", ".deadline", "not a duration: 90"),
        ("name: a, deadline: 0s", ".deadline", "must be more than 0s"),
        ("name: a, deadline:", ".deadline", EMPTY),
        ("name: a, in_cluster: 'yes'", ".in_cluster", "must be true or false"),
        ("name: a, in_cluster: 1", ".in_cluster", "must be true or false"),
        (
            "name: a, in_cluster: true, context: b",
            "",
            "gives several ways in (in_cluster, kubeconfig or context); keep one",
        ),
        ("name: a, ca_file: ca.pem", "", "token and ca_file go with server; a kubeconfig has its own"),
        ("name: a, server: 'http://a'", ".server", "must begin with https://; a token is never sent in the"),
        ("name: a, kubeconfig: nowhere.yaml", ".kubeconfig", "cannot be read: nowhere.yaml in /"),
        ("name: a, kubeconfig: .", ".kubeconfig", "cannot be read: . in /"),
        ("name: a, kubeconfig: /nowhere", ".kubeconfig", "cannot be read: /nowhere: no such file or direct"),
        ("name: a, kubeconfig: ~nobody-at-all/x", ".kubeconfig", "cannot be read: ~nobody-at-all/x: no such"),
        ('name: a, kubeconfig: "a\\0b"', ".kubeconfig", "cannot be read: a\0b in /"),
        (f"name: a, kubeconfig: {'x' * 5000}", ".kubeconfig", "cannot be read: xxx"),
        ("name: a, kubeconfig: [x]", ".kubeconfig", "must be the path of a file"),
        ("name: a, kubeconfig: ~", ".kubeconfig", EMPTY),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_a_wrong_value_of_a_cluster_is_told_with_its_path_and_the_cure(
    tmp_path: Path, text: str, where: str, message: str
) -> None:
    (tmp_path / "ca.pem").write_text(CA)
    line, path, told = wrong(f"clusters:\n- {{{text}}}\n", tmp_path)

    assert (line, path, told[: len(message)]) == (3, f"clusters[0]{where}", message)


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("https://a.example.com/", "[0].address", "an address is host or host:port, without a scheme or a p"),
        ("a/b", "[0].address", NO_ADDRESS),
        ("'a:0'", "[0].address", NO_ADDRESS),
        ("'a:65536'", "[0].address", NO_ADDRESS),
        ("'a:x'", "[0].address", NO_ADDRESS),
        ("''", "[0].address", NO_ADDRESS),
        ("'::1'", "[0].address", NO_ADDRESS),
        ("'[::1'", "[0].address", NO_ADDRESS),
        ("'[:::1]'", "[0].address", NO_ADDRESS),
        ("user@a", "[0].address", NO_ADDRESS),
        ("443", "[0].address", "must be text, but YAML reads it as 443; quote it"),
        ("10:30", "[0].address", "must be text, but YAML reads it as 630; quote it"),
        ("[a]", "[0].address", "must be text"),
        ("{address: a, name: a/b}", "[0].name", NO_NAME),
        ("{address: a, name: ' '}", "[0].name", NO_NAME),
        ("$HOST", "[0].address", NO_ADDRESS),
        ("a b", "[0].address", NO_ADDRESS),
        ("'{x}'", "[0].address", NO_ADDRESS),
        ("'$${x}'", "[0].address", NO_ADDRESS),
        ("'\"a\"'", "[0].address", NO_ADDRESS),
        ("\"'a'\"", "[0].address", NO_ADDRESS),
        ("“a”", "[0].address", NO_ADDRESS),
        ("'*.example.com'", "[0].address", NO_ADDRESS),
        ("'a,b'", "[0].address", NO_ADDRESS),
        ("a;b", "[0].address", NO_ADDRESS),
        ("a\\b", "[0].address", NO_ADDRESS),
        ("a^b", "[0].address", NO_ADDRESS),
        ("a~b", "[0].address", NO_ADDRESS),
    ],
)
def test_a_wrong_endpoint_is_told_with_its_path_and_the_cure(
    tmp_path: Path, text: str, where: str, message: str
) -> None:
    line, path, told = wrong(f"tls:\n  endpoints: [{text}]\n", tmp_path)

    assert (line, path, told[: len(message)]) == (3, f"tls.endpoints{where}", message)


@pytest.mark.parametrize(
    "host",
    [
        "a",
        "0",
        "a-b",
        "a_b.c",
        "A.example.com.",
        "10.0.0.1",
        "bücher.example",
        "例え.テスト",
        "हिन्दी.भारत",
        "пример.рф",
    ],
)
def test_a_host_name_of_any_script_is_an_address(tmp_path: Path, host: str) -> None:
    loaded = load_text(f"version: 1\ntls:\n  endpoints: ['{host}', '{host}:8443']\n", tmp_path)

    assert loaded.profile.tls is not None
    assert [(each.host, each.port) for each in loaded.profile.tls.endpoints] == [(host, 443), (host, 8443)]


def test_the_longest_name_is_taken(tmp_path: Path) -> None:
    loaded = load_text(f"version: 1\nclusters: [{{name: {'a' * 253}}}, {{name: a b}}]\n", tmp_path)

    assert [len(each.name) for each in loaded.profile.clusters or ()] == [253, 3]


# Addresses of clusters


@pytest.mark.parametrize(
    "server",
    [
        "https://admin:hunter22@api.example.com:6443",
        "https://hunter22@api.example.com",
        "https://@hunter22",
        "https:///admin:hunter22@api.example.com",
        "https://admin:hunter22@[::1",
        "https://api.example.com?token=hunter22",
        "https://api.example.com/k8s?hunter22",
        "https://api.example.com/#hunter22",
        "https://api.example.com#",
        "https://api.example.com?",
    ],
)
def test_a_credential_in_an_address_is_refused_and_not_repeated(tmp_path: Path, server: str) -> None:
    assert wrong(f"clusters:\n- name: a\n  server: '{server}'\n", tmp_path) == (
        4,
        "clusters[0].server",
        "write https://host:port alone; a credential goes in token",
    )


@pytest.mark.parametrize(
    "server",
    [
        "https://api.example.com",
        "https://10.0.0.1:6443",
        "https://[::1]:6443/",
        "https://rancher.example.com/k8s/clusters/c-1",
        "https://rancher.example.com/k8s/clusters/c@1",
        # Whoever connects tells of these.
        "https://",
        "https://[::1",
        "https://a..b",
        "https://127.0.0.1:99999",
        "https://127.0.0.1:x",
        "https:// ",
    ],
)
def test_an_address_may_have_a_path_and_one_that_is_none_is_left_to_who_connects(
    tmp_path: Path, server: str
) -> None:
    loaded = load_text(f"version: 1\nclusters:\n- name: a\n  server: '{server}'\n", tmp_path)

    assert [each.server for each in loaded.profile.clusters or ()] == [server]


# Names


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("clusters:\n- name: a\n- name: a\n", [(4, "clusters[1]", "a", 3)]),
        ("clusters:\n- name: a\n- name: b\n  context: x\n- name: a\n", [(6, "clusters[2]", "a", 3)]),
        (
            "clusters:\n- name: a\n  namespaces:\n  - x\n  - y\n  - x\n",
            [(7, "clusters[0].namespaces[2]", "x", 5)],
        ),
        ("tls:\n  endpoints:\n  - a\n  - b\n  - a\n", [(6, "tls.endpoints[2]", "a", 4)]),
        ("tls:\n  endpoints:\n  - a\n  - address: b\n    name: a\n", [(5, "tls.endpoints[1]", "a", 4)]),
        (
            "tls:\n  endpoints:\n  - a\n  - b\n  - b\n  - a\n  - a\n",
            [
                (6, "tls.endpoints[2]", "b", 5),
                (7, "tls.endpoints[3]", "a", 4),
                (8, "tls.endpoints[4]", "a", 4),
            ],
        ),
    ],
)
def test_two_of_one_name_are_told_where_the_second_stands(
    tmp_path: Path, text: str, told: list[tuple[int, str, str, int]]
) -> None:
    assert mistakes(f"version: 1\n{text}", tmp_path) == [
        (
            line,
            path,
            f"two are called {name}, the first on line {first}; keep one, or give them different names",
        )
        for line, path, name, first in told
    ]


# Thresholds


@pytest.mark.parametrize(
    ("text", "thresholds"),
    [
        (
            "{least: 0, share: 1, strict: yes, zone: b, ignore: [a, b]}",
            {"least": 0, "share": 1.0, "strict": True, "zone": "b", "ignore": ["a", "b"]},
        ),
        ("{share: 0.25}", {"share": 0.25}),
        ("{least: -1}", {"least": -1}),
        ("{limit: null}", {"limit": None}),
        ("{}", {}),
    ],
)
def test_thresholds_are_read_by_the_types_that_the_check_gives_them(
    tmp_path: Path, text: str, thresholds: dict[str, Any]
) -> None:
    loaded = load_text(f"version: 1\nthresholds:\n  CAP-002: {text}\n", tmp_path)

    assert loaded.thresholds == {"CAP-002": thresholds}


def test_a_threshold_of_no_time_at_all_is_one(tmp_path: Path) -> None:
    loaded = load_text("version: 1\nthresholds:\n  SCHED-001: {max_wait: 0s}\n", tmp_path)

    assert loaded.thresholds == {"SCHED-001": {"max_wait": timedelta(0)}}


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("SCHED-001: {max_wait: 600}", "SCHED-001.max_wait", "not a duration: 600"),
        ("SCHED-001: {max_wait: -1s}", "SCHED-001.max_wait", "not a duration: '-1s'"),
        ("SCHED-001: {max_wait: 99999d}", "SCHED-001.max_wait", "longer than a century"),
        ("SCHED-001: {max_wait: }", "SCHED-001.max_wait", "not a duration: None"),
        ("CAP-002: {least: '3'}", "CAP-002.least", "must be a whole number"),
        ("CAP-002: {least: 3.5}", "CAP-002.least", "must be a whole number"),
        ("CAP-002: {least: yes}", "CAP-002.least", "must be a whole number"),
        ("CAP-002: {share: many}", "CAP-002.share", "must be a number"),
        ("CAP-002: {share: .nan}", "CAP-002.share", "must be a finite number"),
        ("CAP-002: {share: -.inf}", "CAP-002.share", "must be a finite number"),
        ("CAP-002: {strict: 'no'}", "CAP-002.strict", "must be true or false"),
        ("CAP-002: {ignore: a}", "CAP-002.ignore", A_LIST),
        ("CAP-002: {ignore: [a, 5]}", "CAP-002.ignore[1]", "must be text, but YAML reads it as 5; quote it"),
    ],
)
def test_a_wrong_threshold_is_told_with_its_path_and_the_cure(
    tmp_path: Path, text: str, where: str, message: str
) -> None:
    line, path, told = wrong(f"thresholds:\n  {text}\n", tmp_path)

    assert (line, path, told[: len(message)]) == (3, f"thresholds.{where}", message)


# Surprises of YAML


@pytest.mark.parametrize(
    ("value", "read"),
    {
        "on": "true",
        "yes": "true",
        "true": "true",
        "no": "false",
        "off": "false",
        "5": "5",
        "1.5": "1.5",
        "0x10": "16",
        "12:30": "750",
        "2026-11-24": "2026-11-24",
        "2026-11-24T08:00:00Z": "2026-11-24 08:00:00+00:00",
        "9999-12-31T23:59:59-23:00": "9999-12-31 23:59:59-23:00",
    }.items(),
)
@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("version: 1\ndescription: {}\n", "description"),
        ("version: 1\nclusters:\n- name: {}\n", "clusters[0].name"),
        ("version: 1\nthresholds:\n  CAP-002:\n    zone: {}\n", "thresholds.CAP-002.zone"),
    ],
)
def test_a_text_that_yaml_takes_for_something_else_is_told_to_be_quoted(
    tmp_path: Path, text: str, path: str, value: str, read: str
) -> None:
    ((_, what, told),) = mistakes(text.format(value), tmp_path)

    assert (what, told) == (path, f"must be text, but YAML reads it as {read}; quote it")


@pytest.mark.parametrize(
    ("value", "kind"),
    {
        "2026-13-45": "timestamp",
        "2026-11-24T25:00:00Z": "timestamp",
        "!!timestamp words": "timestamp",
        "!!int words": "int",
        "!!int ''": "int",
        "0b_": "int",
        "9" * 5000: "int",
        "!!float words": "float",
        "!!float ''": "float",
        "1" + ":1" * 300 + ".5": "float",
        "!!bool maybe": "bool",
    }.items(),
    ids=lambda value: value[:30],
)
def test_a_value_that_yaml_cannot_make_is_told_with_its_line(tmp_path: Path, value: str, kind: str) -> None:
    text = f"version: 1\nclusters:\n- name: a\n  context: {value}\n"

    assert mistakes(text, tmp_path) == [
        (4, "clusters[0].context", f"YAML takes it for {kind}, and it is none; quote it")
    ]


# All at once


def test_every_mistake_is_told_at_once_in_the_order_of_the_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    text = """\
        version: 2
        clsuters: []
        clusters:
        - name: prod
          contxt: a
          deadline: 600
          token: ${NOT_SET_ANYWHERE}
        - in_cluster: true
          in_cluster: false
          token: in the clear
        tls:
          endpoints:
          - https://a
          ca_file: nowhere.pem
          <<: {}
        thresholds:
          SCHED-001: {max_wait: 5, max_wiat: 5m}
          SCHED-002: {}
    """

    problems = mistakes(text, tmp_path)

    assert [(line, path) for line, path, _ in problems] == [
        (1, "version"),
        (2, "clsuters"),
        (5, "clusters[0].contxt"),
        (6, "clusters[0].deadline"),
        (7, "clusters[0].token"),
        (8, "clusters[1]"),
        (9, "clusters[1].in_cluster"),
        (10, "clusters[1].token"),
        (13, "tls.endpoints[0].address"),
        (14, "tls.ca_file"),
        (15, "tls"),
        (17, "thresholds.SCHED-001.max_wait"),
        (17, "thresholds.SCHED-001.max_wiat"),
        (18, "thresholds.SCHED-002"),
    ]


def test_a_long_value_is_quoted_in_part(tmp_path: Path) -> None:
    text = f"version: 1\nclusters:\n- {{name: a, deadline: {'x' * 100_000}}}\n"

    with pytest.raises(Exception, match="characters more") as caught:
        load_text(text, tmp_path)

    assert len(str(caught.value)) < 5000
