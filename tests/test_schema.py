"""The JSON schema of a profile: as the models and the checks are, and of one mind with the loader."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from domino_health import Section
from domino_health.plugin import schema as made
from domino_health.plugin.schema import schema
from domino_health.plugin.suite import known_checks
from domino_health.profile.packs import Pack
from profile_texts import CHECKS, mistakes, no_lab, refusals, there_is_room
from suites import PROFILE

ROOT = Path(__file__).resolve().parents[1]
WAIVER = "check: A-001, subject: a, owner: o, approved_by: a"


def test_the_file_is_as_the_models_and_the_checks_are() -> None:
    kept = (ROOT / "docs" / "profile.schema.json").read_text(encoding="utf-8")

    assert kept == made.text(known_checks()), "make docs"


def test_it_is_a_json_schema() -> None:
    jsonschema.Draft7Validator.check_schema(schema(known_checks()))


def test_every_key_says_what_it_is() -> None:
    silent = [path for path, each in _keys(schema(known_checks()), "") if not each.get("description")]

    assert not silent


def _keys(value: Any, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key of a profile, with its schema; what conditions say of keys is beside them."""
    if isinstance(value, dict):
        for name, each in value.get("properties", {}).items():
            yield f"{path}.{name}", each
            yield from _keys(each, f"{path}.{name}")
        for word in ("items", "additionalProperties"):
            yield from _keys(value.get(word), f"{path}[]")
        for each in value.get("anyOf", ()):
            yield from _keys(each, path)


def test_a_threshold_has_its_form_its_default_and_what_its_check_says_of_it() -> None:
    thresholds = schema(known_checks())["properties"]["thresholds"]["properties"]["SCHED-001"]["properties"]

    assert thresholds["max_wait"] == {
        "type": "string",
        "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+$",
        "default": "10m",
        "description": "No pod waits longer than `max_wait` for a node, or `max_wait_gpu` if it asks for a "
        "GPU.",
    }


def test_a_default_is_as_a_profile_writes_it() -> None:
    keys = dict(_keys(schema(CHECKS), ""))

    assert keys[".clusters[].deadline"]["default"] == "1m"
    assert keys[".tls.deadline"]["default"] == "10s"
    assert keys[".gates[].closes_at"]["default"] == "high"


@pytest.mark.parametrize("path", sorted((ROOT / "profiles").glob("*.yaml")), ids=lambda path: path.name)
def test_the_shipped_profiles_are_accepted(path: Path) -> None:
    assert not refusals(path.read_text(encoding="utf-8"), known_checks())


def test_the_profiles_of_the_docs_and_the_tests_are_accepted() -> None:
    from test_docs import PROFILES

    for _, example in (*PROFILES, ("suites", PROFILE)):
        assert not refusals(example, known_checks())


# One mind with the loader: what tests of profiles load, profile_texts.load_text holds against the schema too.


@pytest.mark.parametrize(
    "text",
    [
        "clsuters: []\n",
        "clusters: []\n",
        "clusters: {name: a}\n",
        "clusters:\n- contxt: x\n",
        "clusters:\n- {name: a, contxt: x}\n",
        "clusters:\n- {name: a/b}\n",
        "clusters:\n- {name: ' '}\n",
        "clusters:\n- {name: '${NAME}'}\n",
        "clusters:\n- {name: 7}\n",
        "clusters:\n- {name: a, deadline: 600}\n",
        "clusters:\n- {name: a, deadline: 10 minutes}\n",
        "clusters:\n- {name: a, in_cluster: 'yes'}\n",
        "clusters:\n- {name: a, server: 'http://a'}\n",
        "clusters:\n- {name: a, server: 'https://a:b@c'}\n",
        "clusters:\n- {name: a, server: 'https://a', token: abc}\n",
        "clusters:\n- {name: a, token: '${HOME}'}\n",
        "clusters:\n- {name: a, server: 'https://a', context: b}\n",
        "clusters:\n- {name: a, server: 'https://a', in_cluster: true}\n",
        "clusters:\n- {name: a, in_cluster: true, context: b}\n",
        "clusters:\n- {name: a, namespaces: [Domino]}\n",
        "clusters:\n- {name: a, context: }\n",
        "domino: {services: {front_end: pod/web}}\n",
        "tls: {}\n",
        "tls: {endpoints: []}\n",
        "tls: {endpoints: a.example.com}\n",
        "tls: {endpoints: ['https://a.example.com']}\n",
        "tls: {endpoints: ['a:b']}\n",
        "tls: {endpoints: [{adress: a}]}\n",
        "tls: {endpoints: [7]}\n",
        "scans: {}\n",
        "scans: {operator: false}\n",
        "scans: {reports: []}\n",
        "scans: {reports: [7]}\n",
        "scans: {reports: [a], operators: true}\n",
        "thresholds: {SCHED-01: {max_wait: 5m}}\n",
        "thresholds: {TST-001: {max_wait: 5m}}\n",
        "thresholds: {SCHED-001: {max_weight: 5m}}\n",
        "thresholds: {SCHED-001: {max_wait: 5}}\n",
        "thresholds: {SCHED-001: {max_wait: '${WAIT}'}}\n",
        "thresholds: {CAP-002: {least: 2.5}}\n",
        "thresholds: {CAP-002: {least: true}}\n",
        "thresholds: {CAP-002: {ignore: a}}\n",
        "thresholds: {CAP-002: {least: null}}\n",
        "severities: {SCHED-001: hgh}\n",
        "severities: {SCHED-01: high}\n",
        "gates: {x: {closes_at: never}}\n",
        "gates: {x: {close_at: low}}\n",
        "gates: {x: {requires: [SCHED-999]}}\n",
        "gates: {x: {requires: [SCHED, SCHED]}}\n",
        "gates: {x: {waivers: 'no'}}\n",
        f"waivers: [{{{WAIVER}, reason: r}}]\n",
        f"waivers: [{{{WAIVER}, reason: r, expires: soon}}]\n",
        f"waivers: [{{{WAIVER}, reason: r, expires: 2027-01-31 10:00:00}}]\n",
        f"waivers: [{{{WAIVER}, reason: ' ', expires: 2027-01-31}}]\n",
        f"waivers: [{{{WAIVER}, reason: '${{WHY}}', expires: 2027-01-31}}]\n",
        "waivers: []\n",
        "inspec_waivers: w.yaml\n",
        "packs: acme\n",
        "lab: broken\n",
        "knowledge: [a]\n",
        "extends: ''\n",
    ],
)  # fmt: skip
def test_a_typical_mistake_is_one_in_the_editor_and_in_the_loader(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NAME", "prod")
    monkeypatch.setenv("WAIT", "5m")
    monkeypatch.setenv("WHY", "so")

    assert refusals(f"version: 1\n{text}", CHECKS)
    assert mistakes(f"version: 1\n{text}", tmp_path, start_lab=no_lab)


@pytest.mark.parametrize("text", ["{}", "version: 2\n", "version: '1'\n", "version: 1.5\n", "- a\n", "a\n"])
def test_what_is_no_profile_is_refused(text: str) -> None:
    assert refusals(text, CHECKS)


@pytest.mark.parametrize(
    "text",
    [
        "clusters: [{name: a, server: '${URL}', token: '${file:t}', deadline: '${D}'}]\n",
        "clusters: [{name: a, namespaces: ['${NAMESPACE}'], context: '${C}'}]\n",
        "clusters: [{name: 'a $${b}'}]\n",
        "domino: {platform_namespace: '${P}', services: {git: '${G}'}}\n",
        "scans: {reports: ['${REPORTS}', a], operator: true}\n",
        "tls: {endpoints: ['${HOST}', 'a:${PORT}', {address: '${A}'}], ca_file: '${F}'}\n",
    ],
)
def test_a_value_of_the_platform_may_come_from_a_reference(text: str) -> None:
    assert not refusals(f"version: 1\n{text}", CHECKS)


@pytest.mark.parametrize(
    "endpoint", ["a.example.com", "a.example.com:8443", "'[::1]:443'", "{address: a}", "münchen.example"]
)
def test_an_endpoint_has_a_short_form(endpoint: str) -> None:
    assert not refusals(f"version: 1\ntls: {{endpoints: [{endpoint}]}}\n", CHECKS)


def test_what_is_left_out_may_be_in_the_profile_that_it_extends() -> None:
    for text in (
        "tls: {deadline: 5s}\n",
        "scans: {deadline: 5s}\n",
        "thresholds: {ACME-001: {most: 3}}\n",
        "acme: {url: x}\n",
    ):
        assert refusals(f"version: 1\n{text}", CHECKS)
        assert not refusals(f"extends: base\n{text}", CHECKS)
    assert refusals("extends: base\nthresholds: {SCHED-01: {}}\n", CHECKS)


def test_a_pack_may_bring_sections_and_checks_but_none_of_an_area_of_the_suite() -> None:
    head = "version: 1\npacks: [acme]\n"

    assert not refusals(f"{head}acme: {{url: x}}\nseverities: {{ACME-001: low}}\n", CHECKS)
    assert refusals(f"{head}severities: {{SCHED-999: low}}\n", CHECKS)


def test_the_schema_of_a_site_holds_what_its_packs_bring(tmp_path: Path) -> None:
    class Acme(Section):
        """Acme's own."""

        url: str

    pack = Pack("acme", tmp_path, {"ACME-001": there_is_room}, {"acme": Acme})

    assert not refusals("version: 1\nacme: {url: x}\nthresholds: {ACME-001: {least: 3}}\n", CHECKS, [pack])
    for wrong in ("acme: {ulr: x}\n", "acme: {}\n", "thresholds: {ACME-001: {lest: 3}}\n"):
        assert refusals(f"version: 1\n{wrong}", CHECKS, [pack])


def test_it_names_no_definition_and_no_address_that_an_editor_would_have_to_fetch() -> None:
    kept = json.dumps(schema(known_checks()))

    assert "$ref" not in kept
    assert kept.count("http") == kept.count("http://json-schema.org/draft-07/schema#") + kept.count(
        "https://"
    )
