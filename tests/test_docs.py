"""What the docs say holds: examples load, every check has its page, every key is told."""

import re
from pathlib import Path

import pytest
import yaml

import domino_health
from domino_health.plugin import manifests
from domino_health.plugin.catalogue import catalogue
from domino_health.plugin.facts import facts_of
from domino_health.plugin.mapping import mapping
from domino_health.plugin.suite import known_checks, load_pack, table_of_facts
from domino_health.profile import load
from domino_health.profile.base import Section
from domino_health.profile.clusters import Cluster
from domino_health.profile.controls import frameworks
from domino_health.profile.domino import Domino, Services, StorageClasses
from domino_health.profile.keycloak import Keycloak, TestLogin
from domino_health.profile.ldap import Directory, Ldap
from domino_health.profile.logs import Logs, Signature
from domino_health.profile.models import Profile
from domino_health.profile.saml import IdentityProvider, Saml
from domino_health.profile.scans import Scans
from domino_health.profile.tiers import Tier
from domino_health.profile.tls import Endpoint, Tls
from domino_health.vocabulary import spec_of
from profile_texts import CA

ROOT = Path(__file__).resolve().parents[1]
DOCS = [
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("examples/**/*.md")),
    ROOT / "CONTRIBUTING.md",
    ROOT / "reports/README.md",
]
BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
PROFILES = [
    (path.name, block)
    for path in DOCS
    for block in BLOCK.findall(path.read_text())
    if block.startswith("version:")
]
SECRETS = ("DOMINO_HEALTH_KEYCLOAK", "DOMINO_HEALTH_LDAP")
"""Which the docs' profiles take from the environment."""
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)")
SECTIONS = ("## Symptom", "## Likely causes, in this order", "## Commands", "## Fix")


@pytest.mark.parametrize(("source", "example"), PROFILES, ids=[name for name, _ in PROFILES])
def test_every_profile_in_the_docs_loads(
    source: str, example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "acme-checks"))
    for name in SECRETS:
        monkeypatch.setenv(name, "a-s3cret")
    (tmp_path / "corporate-ca.pem").write_text(CA)
    (tmp_path / "prod.yaml").write_text(example)

    loaded = load(
        "prod",
        directories=[tmp_path],
        checks=known_checks(),
        start_lab=lambda kind: {},
        load_pack=load_pack,
    )

    profile = loaded.profile
    watched = (profile.clusters, profile.tls, profile.saml, profile.keycloak, profile.ldap, loaded.packs)
    assert any(watched), source


def test_every_public_name_is_told_to_those_who_write_packs() -> None:
    text = _text(ROOT / "docs" / "packs.md")

    assert not [name for name in domino_health.__all__ if f"`{name}`" not in text]
    assert [getattr(domino_health, name) for name in domino_health.__all__]


def test_every_yaml_in_the_docs_is_yaml() -> None:
    for path in DOCS:
        for block in BLOCK.findall(path.read_text()):
            assert all(yaml.safe_load_all(block)), path


def test_every_link_of_the_docs_leads_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in DOCS
        for target in LINK.findall(path.read_text())
        if not (path.parent / target).exists()
    ]

    assert not broken


def test_every_check_has_its_drill_or_the_reason_for_none() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in _text(ROOT / "docs" / "drills.md").splitlines()
        if re.match(r"\| [A-Z]+-\d{3} \|", line)
    ]
    drills = [drill.strip("`").split("::") for _, drill, _ in rows if drill != "none"]

    assert {id for id, _, _ in rows} == set(known_checks())
    assert all(how for _, _, how in rows)
    for module, name in drills:
        assert f"def {name}(" in _text(ROOT / "tests" / "integration" / module), f"{module} has no {name}"


def test_every_check_has_a_runbook_with_what_an_operator_needs() -> None:
    missing = [
        f"docs/runbooks/{id}.md: {section}"
        for id in known_checks()
        for section in SECTIONS
        if section not in _text(ROOT / "docs" / "runbooks" / f"{id}.md")
    ]
    strangers = {path.stem for path in ROOT.glob("docs/runbooks/*.md")} - set(known_checks())

    assert not missing
    assert not strangers


def test_the_page_of_all_checks_is_as_the_checks_are() -> None:
    assert _text(ROOT / "docs" / "checks.md") == catalogue(known_checks()), "make docs"


def test_the_page_of_all_controls_is_as_their_files_are() -> None:
    described = frameworks([ROOT / "profiles" / "controls"], known_checks())

    assert _text(ROOT / "docs" / "controls.md") == mapping(described).rstrip("\n") + "\n", "make docs"


def test_the_control_of_ones_own_in_the_docs_is_one(tmp_path: Path) -> None:
    (example,) = BLOCK.findall(_text(ROOT / "docs" / "controls.md"))
    (tmp_path / "acme.yaml").write_text(example)

    assert [each.framework for each in frameworks([tmp_path], known_checks())] == ["ACME"]


def test_the_page_of_all_rights_is_as_the_facts_are() -> None:
    rights = manifests.needed(facts_of(table_of_facts()).values())

    assert _text(ROOT / "docs" / "rights.md") == manifests.page(rights), "make docs"


def test_every_check_stands_in_the_readme_and_the_changelog() -> None:
    for name in ("README.md", "CHANGELOG.md"):
        text = _text(ROOT / name)
        assert not [id for id in known_checks() if id not in text], name


@pytest.mark.parametrize(
    "model",
    [
        Profile, Cluster, Domino, Services, StorageClasses, Tier, Tls, Endpoint, Scans, Logs, Signature, Saml,
        IdentityProvider, Keycloak, TestLogin, Ldap, Directory,
    ],
)  # fmt: skip
def test_every_key_of_a_profile_is_told(model: type[Section]) -> None:
    text = _text(ROOT / "docs" / "profiles.md")

    assert not [key for key in model.model_fields if key not in text]


def test_every_threshold_is_told_by_its_checks_docstring() -> None:
    for id, function in known_checks().items():
        spec = spec_of(function)
        assert spec is not None
        told = f"{spec.title} {spec.rationale} {spec.remediation}"
        assert not [name for name in spec.thresholds if name not in told], id


def _text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""
