"""The profile as it was used: every final value, no secret, and it loads again as the same profile."""

from pathlib import Path

import pytest
import yaml

from domino_health.profile import Loaded
from profile_texts import CA, TOKEN, VALID, load_text, nothing_to_set, with_token

FULL = """\
version: 1
description: "costs $${5}, says \\"yes\\", é\\tand # more: {a}"
clusters:
- name: "prod: #1"
  server: https://${API_HOST}:6443
  token: ${PROD_TOKEN}
  ca_file: ca.pem
  namespaces: [domino-platform, "${A_NAMESPACE}"]
  deadline: ${A_DEADLINE}
- name: dr
  kubeconfig: ${file:path-of-kubeconfig}
  context: "yes"
- {name: "2026-11-24", in_cluster: true}
- {name: other, server: "https://other.example.com", token: "prefix-${PROD_TOKEN}-$${x}"}
tls:
  endpoints:
  - ${API_HOST}
  - ${API_HOST}:8443
  - {address: "${SSO_HOST}:443", name: sign-in, server_name: "${SSO_HOST}"}
  - "[::1]:443"
  ca_file: ${A_CA_FILE}
  deadline: 1h30m
thresholds:
  SCHED-001: {max_wait_gpu: 1500ms}
  CAP-002: {share: 1, ignore: [plain, "$${z}"]}
severities: {CAP-002: low}
gates:
  release: {closes_at: medium, requires: [SCHED, CAP-002], waivers: false}
waivers:
- {check: CAP-002, subject: "quota/*", reason: r, owner: o, approved_by: a, expires: 2026-12-31, ticket: T-1}
"""
SECRETS = {
    "PROD_TOKEN": TOKEN,
    "API_HOST": "secret-api.internal.example.com",
    "SSO_HOST": "secret-sso.internal.example.com",
    "A_NAMESPACE": "secret-namespace",
    "A_DEADLINE": "90000ms",
}


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    """A profile with all that may stand in one."""
    for name in ("ca.pem", "secret-ca.pem"):
        (tmp_path / name).write_text(CA)
    (tmp_path / "kube.yaml").write_text("")
    (tmp_path / "path-of-kubeconfig").write_text(f"{tmp_path}/kube.yaml\n")
    for name, value in {**SECRETS, "A_CA_FILE": str(tmp_path / "secret-ca.pem")}.items():
        monkeypatch.setenv(name, value)
    return load_text(FULL, tmp_path)


def test_it_spells_every_default_and_threshold(tmp_path: Path) -> None:
    resolved = yaml.safe_load(load_text(VALID, tmp_path).resolved)

    assert resolved == {
        "version": 1,
        "description": "",
        "clusters": [{"name": "prod", "in_cluster": False, "deadline": "1m"}],
        "gates": {
            "default": {"closes_at": "high", "requires": [], "waivers": True},
            "upgrade": {
                "closes_at": "high",
                "requires": ["SCHED", "CAP", "STOR", "PROBE", "DOM", "UPG", "UPG-001", "UPG-002"],
                "waivers": True,
            },
            "nightly": {"closes_at": "high", "requires": [], "waivers": True},
            "audit": {"closes_at": "medium", "requires": [], "waivers": False},
        },
        "thresholds": {
            "CAP-002": {
                "least": 3,
                "share": 0.8,
                "strict": False,
                "zone": "a",
                "limit": None,
                "ignore": [],
            },
            "SCHED-001": {"max_wait": "10m", "max_wait_gpu": "30m"},
        },
    }


def test_it_loads_again_as_the_same_profile(full: Loaded, tmp_path: Path) -> None:
    again = load_text(full.resolved, tmp_path)

    given = {"thresholds", "gates"}  # there all of them are spelled
    assert again.profile.model_dump(exclude=given) == full.profile.model_dump(exclude=given)
    for id, values in full.thresholds.items():
        assert {name: again.thresholds[id][name] for name in values} == values
    assert (again.gates, again.waivers, again.severities) == (full.gates, full.waivers, full.severities)
    assert again.resolved == full.resolved


def test_it_keeps_references_as_they_were_written_and_holds_no_secret(full: Loaded) -> None:
    for secret in (TOKEN, "secret-", "90000ms", "1m30s", "***"):
        assert secret not in full.resolved
    resolved = yaml.safe_load(full.resolved)
    prod, _, _, other = resolved["clusters"]
    assert prod["token"] == "${PROD_TOKEN}"
    assert prod["server"] == "https://${API_HOST}:6443"
    assert prod["namespaces"] == ["domino-platform", "${A_NAMESPACE}"]
    assert other["token"] == "prefix-${PROD_TOKEN}-$${x}"
    assert resolved["tls"]["endpoints"][:2] == ["${API_HOST}", "${API_HOST}:8443"]
    assert resolved["thresholds"]["SCHED-001"] == {"max_wait": "10m", "max_wait_gpu": "1s500ms"}
    assert resolved["thresholds"]["CAP-002"]["ignore"] == ["plain", "$${z}"]
    assert resolved["tls"]["ca_file"] == "${A_CA_FILE}"
    assert resolved["clusters"][0]["deadline"] == "${A_DEADLINE}"


def test_it_stays_the_same_with_another_secret(
    full: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROD_TOKEN", "another-token")

    assert load_text(FULL, tmp_path).resolved == full.resolved


@pytest.mark.parametrize("secret", ["prod", "version", "true", "name: prod", "10m"])
def test_a_secret_that_is_a_word_of_the_profile_is_masked_there_and_breaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("A_TOKEN", secret)

    resolved = yaml.safe_load(load_text(with_token("${A_TOKEN}"), tmp_path).resolved)

    assert resolved["version"] == 1
    assert resolved["clusters"][0]["name"] == ("***" if secret == "prod" else "prod")
    assert resolved["clusters"][0]["token"] == "${A_TOKEN}"


def test_every_referenced_value_is_masked_in_what_is_shown(full: Loaded) -> None:
    text = f"cannot reach secret-api.internal.example.com with {TOKEN} in secret-namespace"

    assert full.redactor.scrub(text) == "cannot reach *** with *** in ***"


def test_nothing_secret_is_shown_by_printing_a_profile(full: Loaded) -> None:
    (cluster, *_) = full.profile.clusters or ()
    for shown in (repr(full), str(full), str(full.profile), repr(full.profile), repr(cluster), str(cluster)):
        for secret in (TOKEN, "secret-", "90000"):
            assert secret not in shown
    assert TOKEN not in full.profile.model_dump_json()


def test_a_check_without_thresholds_is_left_out(tmp_path: Path) -> None:
    loaded = load_text(VALID, tmp_path, checks={"IDP-001": nothing_to_set})

    assert yaml.safe_load(loaded.resolved)["thresholds"] == {}
