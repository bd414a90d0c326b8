"""References: what ``${…}`` stands for, and that no value of one is ever shown."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from domino_health.profile.document import parse
from domino_health.profile.references import resolve
from profile_texts import TOKEN, load_text, mistakes, profile, token_of, with_token


def test_a_reference_stands_for_a_variable_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROD_TOKEN", TOKEN)

    loaded = load_text(with_token("${PROD_TOKEN}"), tmp_path)

    assert token_of(loaded) == TOKEN
    assert loaded.redactor.scrub(f"Bearer {TOKEN}") == "Bearer ***"


@pytest.mark.parametrize("content", [TOKEN, f"{TOKEN}\n", f"{TOKEN}\r\n", f"{TOKEN}\n\n"])
def test_a_reference_stands_for_a_file_without_its_last_line_break(tmp_path: Path, content: str) -> None:
    (tmp_path / "token").write_bytes(content.encode())

    for reference in ("${file:token}", f"${{file:{tmp_path}/token}}"):
        assert token_of(load_text(with_token(reference), tmp_path)) == TOKEN


def test_a_file_in_the_home_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "token").write_text(TOKEN)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    assert token_of(load_text(with_token("${file:~/token}"), tmp_path)) == TOKEN


def test_several_references_in_one_value_are_all_resolved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOST_PART", "api.example.com")
    monkeypatch.setenv("PORT_PART", "16443")
    text = "version: 1\nclusters:\n- name: a\n  server: https://${HOST_PART}:${PORT_PART}/x\n"

    (cluster,) = profile(text, tmp_path).clusters or ()

    assert cluster.server == "https://api.example.com:16443/x"


def test_a_referenced_value_is_not_resolved_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTER", "${INNER} and $${INNER}")

    assert token_of(load_text(with_token("${OUTER}"), tmp_path)) == "${INNER} and $${INNER}"


def test_a_reference_in_a_key_is_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "description")

    ((_, path, _),) = mistakes("version: 1\n${KEY}: x\n", tmp_path)

    assert path == "${KEY}"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("$${X}", "${X}"),
        ("a $${X} b $${Y}", "a ${X} b ${Y}"),
        ("$$${X}", "$${X}"),
        ("$X", "$X"),
        ("$$", "$$"),
        ("100 $", "100 $"),
        ("{X}", "{X}"),
    ],
)
def test_two_dollars_stand_for_one_and_no_reference(tmp_path: Path, written: str, meant: str) -> None:
    assert profile(f"version: 1\ndescription: '{written}'\n", tmp_path).description == meant


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (
            "${NOT_SET_ANYWHERE}",
            "${NOT_SET_ANYWHERE} is not set in the environment; export it, or use ${file:PATH}",
        ),
        ("${EMPTY}", "${EMPTY} is empty"),
        ("${}", "${} is not a reference; write ${NAME} or ${file:PATH}, or $${ for a plain ${"),
        ("${A B}", "${A B} is not a reference"),
        ("${1A}", "${1A} is not a reference"),
        ("${A:-default}", "${A:-default} is not a reference"),
        ("${env:A}", "${env:A} is not a reference"),
        ("'${NEVER_CLOSED'", "${NEVER_CLOSED is not a reference"),
        ("'${file:empty'", "${file:empty is not a reference"),
        ("${file:nowhere}", "${file:nowhere} cannot be read: "),
        ("${file:}", "${file:} cannot be read: "),
        ("${file:.}", "${file:.} cannot be read: "),
        ("${file:~nobody-at-all/x}", "${file:~nobody-at-all/x} cannot be read: "),
        ("${file:empty}", "${file:empty} is empty"),
        ("${file:line-breaks}", "${file:line-breaks} is empty"),
        ("${file:binary}", "${file:binary} is not text: "),
        ("${file:large}", "${file:large} is larger than 64 KiB: "),
        ("${file:/dev/zero}", "${file:/dev/zero} cannot be read: /dev/zero: not a file"),
        ('"${file:a\\0b}"', "${file:a"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_reference_that_leads_nowhere_is_told_once_with_its_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str, message: str
) -> None:
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    monkeypatch.setenv("EMPTY", "")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "line-breaks").write_bytes(b"\n\r\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "large").write_bytes(b"x" * ((1 << 16) + 1))

    ((line, path, told),) = mistakes(with_token(reference), tmp_path)

    assert (line, path, told[: len(message)]) == (5, "clusters[0].token", message)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("tls:\n  endpoints: ['${host name}']\n", "tls.endpoints[0]"),
        ("tls:\n  endpoints: ['${host name}:443', '${host name}:443']\n", "tls.endpoints[0]"),
        ("tls:\n  endpoints: [{address: '${host name}'}]\n", "tls.endpoints[0].address"),
        ("tls:\n  endpoints: [a]\n  deadline: ${host name}\n", "tls.deadline"),
        ("clusters:\n- {name: a, server: '${host name}'}\n", "clusters[0].server"),
        ("clusters:\n- {name: a, namespaces: ['${host name}']}\n", "clusters[0].namespaces[0]"),
    ],
)
def test_a_broken_reference_is_not_told_as_a_bad_value_too(tmp_path: Path, text: str, path: str) -> None:
    found = mistakes(f"version: 1\n{text}", tmp_path)

    assert found[0][1] == path
    assert len(found) == text.count("$")
    for _, _, message in found:
        assert message.startswith("${host name} is not a reference; ")


def test_each_broken_reference_of_one_value_is_told(tmp_path: Path) -> None:
    found = mistakes("version: 1\ndescription: ${a b} ${c d}\n", tmp_path)

    assert [message[:6] for _, _, message in found] == ["${a b}", "${c d}"]


def test_a_secret_may_be_as_large_as_allowed(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (1 << 16))

    assert len(token_of(load_text(with_token("${file:large}"), tmp_path))) == 1 << 16


def test_a_token_of_bytes_that_are_no_text_is_masked_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAW", "token-\udcff\udc80")

    loaded = load_text(with_token("${RAW}"), tmp_path)

    assert token_of(loaded) == "token-\udcff\udc80"
    assert loaded.redactor.scrub("token-\udcff\udc80") == "***"


def test_a_text_of_bytes_that_are_no_text_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAW", "token-\udcff\udc80")

    assert mistakes("version: 1\ndescription: ${RAW}\n", tmp_path) == [
        (2, "description", "must be text; it holds bytes that are none")
    ]


# What must come from a reference, and what must not


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("version: 1\nclusters:\n- name: ${SOME}\n", "clusters[0].name"),
        ("version: 1\nclusters:\n- name: prod-${SOME}\n", "clusters[0].name"),
        ("version: 1\ntls:\n  endpoints:\n  - {address: a, name: '${SOME}'}\n", "tls.endpoints[0].name"),
    ],
)
def test_a_name_from_a_reference_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, path: str
) -> None:
    monkeypatch.setenv("SOME", "something")

    ((_, where, message),) = mistakes(text, tmp_path)

    assert where == path
    assert message == "a name stands in every report and cannot come from a reference"


@pytest.mark.parametrize("token", [TOKEN, "12345", "2026-11-24", "$${NAME}"])
def test_a_plain_secret_is_refused_and_not_repeated(tmp_path: Path, token: str) -> None:
    assert mistakes(with_token(token), tmp_path) == [
        (5, "clusters[0].token", "a secret must not stand in a profile; write ${NAME} or ${file:PATH}")
    ]


def test_a_plain_secret_by_an_alias_is_refused(tmp_path: Path) -> None:
    text = with_token("*t").replace("version: 1", f"version: 1\ndescription: &t {TOKEN}")

    ((_, path, message),) = mistakes(text, tmp_path)

    assert path == "clusters[0].token"
    assert "must not stand" in message


# No value is ever shown


@pytest.mark.parametrize("secret", [TOKEN, "//a/./secret//b/../of/slashes", "~/a//secret", "~nobody//secret"])
def test_no_mistake_shows_a_referenced_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("SECRET", secret)
    text = """\
        version: 1
        description: 5
        lab: ${SECRET}
        clusters:
        - name: a
          kubeconfig: ${SECRET}
          deadline: ${SECRET}
        - name: ${SECRET}
          server: ${SECRET}
          token: ${SECRET}
          namespaces: ["${SECRET}", "${SECRET}"]
        tls:
          endpoints: ["${SECRET}:x", "${SECRET}", "${SECRET}"]
          ca_file: ${SECRET}
        thresholds:
          SCHED-001: {max_wait: "${SECRET}"}
          CAP-002: {least: "${SECRET}", ignore: "${SECRET}"}
    """

    problems = mistakes(text, tmp_path)

    assert len(problems) >= 12
    for _, _, message in problems:
        assert secret not in message
        assert "secret/" not in message
        assert "//" not in message.replace("https://", "").replace("://", "")


def test_a_document_is_printed_without_its_values(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET", TOKEN)
    document = parse("description: ${SECRET}")

    resolve(document, tmp_path, {})

    assert document.data == {"description": TOKEN}
    assert TOKEN not in repr(document)


# The lab


def test_the_lab_is_started_when_the_profile_asks_for_it_and_names_its_addresses(tmp_path: Path) -> None:
    asked: list[str] = []

    def start_lab(which: str) -> Mapping[str, str]:
        asked.append(which)
        return {"LAB_API": "https://127.0.0.1:12345"}

    text = "version: 1\nlab: faulty\nclusters:\n- {name: demo, server: '${LAB_API}'}\n"
    loaded = load_text(text, tmp_path, start_lab=start_lab)

    assert asked == ["faulty"]
    (cluster,) = loaded.profile.clusters or ()
    assert cluster.server == "https://127.0.0.1:12345"
    assert loaded.redactor.scrub("https://127.0.0.1:12345") == "https://127.0.0.1:12345", "no secret"
    assert yaml.safe_load(loaded.resolved)["clusters"][0]["server"] == "${LAB_API}"


def test_the_labs_variables_come_before_the_environments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_API", "https://elsewhere.example.com")
    text = "version: 1\nlab: healthy\nclusters:\n- {name: demo, server: '${LAB_API}'}\n"

    (cluster,) = (
        profile(text, tmp_path, start_lab=lambda _: {"LAB_API": "https://127.0.0.1:1"}).clusters or ()
    )

    assert cluster.server == "https://127.0.0.1:1"


def test_without_a_lab_its_variables_are_not_set(tmp_path: Path) -> None:
    text = "version: 1\nclusters:\n- {name: demo, server: '${LAB_API}'}\n"

    ((_, path, message),) = mistakes(text, tmp_path)

    assert path == "clusters[0].server"
    assert "is not set" in message
