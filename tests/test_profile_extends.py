"""``extends``: one profile takes from another what it does not say itself."""

import textwrap
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from domino_health.profile import Loaded, ProfileError
from domino_health.profile.shown import show
from profile_texts import CA, load_text

BASE = """\
version: 1
description: All of them
clusters:
- name: base
  server: https://base.example.com
  token: ${BASE_TOKEN}
  ca_file: ca.pem
tls:
  endpoints: [one.example.com]
  deadline: 5s
thresholds:
  SCHED-001: {max_wait: 1m, max_wait_gpu: 2m}
  CAP-002: {least: 7}
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A profile to take from, in a folder of its own."""
    folder = tmp_path / "common"
    folder.mkdir()
    (folder / "base.yaml").write_text(BASE)
    (folder / "ca.pem").write_text(CA)
    return folder


def own(text: str, directory: Path) -> Loaded:
    return load_text("extends: common/base.yaml\nversion: 1\n" + textwrap.dedent(text), directory)


def lines(text: str, directory: Path) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        own(text, directory)
    return str(caught.value).splitlines()


def test_keys_are_merged_and_ones_own_go_before(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASE_TOKEN", "a-secret-of-the-base")

    loaded = own(
        """\
        description: Ours
        tls: {deadline: 9s}
        thresholds:
          SCHED-001: {max_wait: 3m}
        """,
        tmp_path,
    )

    assert loaded.profile.description == "Ours"
    assert loaded.profile.tls is not None
    assert loaded.profile.tls.deadline == timedelta(seconds=9)
    assert [each.address for each in loaded.profile.tls.endpoints] == ["one.example.com"]
    assert loaded.thresholds["SCHED-001"] == {
        "max_wait": timedelta(minutes=3),
        "max_wait_gpu": timedelta(minutes=2),
    }
    assert loaded.thresholds["CAP-002"] == {"least": 7}
    assert loaded.redactor.scrub("a-secret-of-the-base") == "***"


def test_a_list_takes_the_whole_place_of_the_other_one_and_what_it_replaces_need_not_be_set(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BASE_TOKEN", raising=False)

    loaded = own("clusters: [{name: ours}]", tmp_path)

    assert [cluster.name for cluster in loaded.profile.clusters or ()] == ["ours"]


def test_a_relative_path_is_relative_to_the_file_that_it_stands_in(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASE_TOKEN", "a-secret-of-the-base")
    (tmp_path / "ca.pem").write_text("not this one")

    (cluster,) = own("", tmp_path).profile.clusters or ()

    assert cluster.ca_file == base / "ca.pem"


def test_a_file_that_is_referred_to_is_relative_to_the_file_that_refers_to_it(
    base: Path, tmp_path: Path
) -> None:
    (base / "base.yaml").write_text(BASE.replace("${BASE_TOKEN}", "${file:token}"))
    (base / "token").write_text("a-secret-in-a-file\n")

    (cluster,) = own("", tmp_path).profile.clusters or ()

    assert cluster.token is not None
    assert cluster.token.get_secret_value() == "a-secret-in-a-file"


@pytest.mark.parametrize("name", ["base", "base.yaml", "./base.yaml"])
def test_one_beside_it_is_named_without_more(tmp_path: Path, name: str) -> None:
    (tmp_path / "base.yaml").write_text("version: 1\ndescription: All\n")

    assert load_text(f"version: 1\nextends: {name}\n", tmp_path).profile.description == "All"


def test_the_version_may_be_taken_too_and_extends_is_gone_from_what_is_kept(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("version: 1\ndescription: All\n")

    loaded = load_text("extends: base\n", tmp_path)

    kept = yaml.safe_load(loaded.resolved)
    assert (kept["version"], kept["description"]) == (1, "All")
    assert "extends" not in kept


def test_a_mistake_is_told_with_the_file_and_line_that_it_stands_on(base: Path, tmp_path: Path) -> None:
    (base / "base.yaml").write_text(
        "version: 1\nclusters:\n- name: a\n  contxt: x\nthresholds:\n  SCHED-0001: {}\n"
    )

    told = lines("tls: {endpoints: [a b]}", tmp_path)

    assert told[0].startswith(f"{tmp_path / 'prod.yaml'}:3: tls.endpoints[0]")
    assert told[1:] == [
        f"{base / 'base.yaml'}:4: clusters[0].contxt: unknown key; did you mean context?",
        f"{base / 'base.yaml'}:6: thresholds.SCHED-0001: no such check; did you mean SCHED-001?",
    ]


def test_what_is_no_yaml_in_the_other_one_is_told_with_its_file(base: Path, tmp_path: Path) -> None:
    (base / "base.yaml").write_text("version: 1\nclusters: [\n")

    (told,) = lines("", tmp_path)

    assert told.startswith(f"{base / 'base.yaml'}:")
    assert "not YAML" in told


def test_one_that_is_not_there_is_told_at_the_key(tmp_path: Path) -> None:
    (told,) = lines("", tmp_path)

    base = tmp_path / "common" / "base.yaml"
    why = "cannot be read: no such file or directory"
    assert told == f"{tmp_path / 'prod.yaml'}:1: extends: {base}: {why}"


def test_one_step_is_all_there_is(base: Path, tmp_path: Path) -> None:
    (base / "base.yaml").write_text("version: 1\nextends: other\n")

    (told,) = lines("", tmp_path)

    assert "extends another profile itself; one step is all there is" in told


def test_a_profile_that_extends_itself_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="one step is all there is"):
        load_text("version: 1\nextends: prod\n", tmp_path)


@pytest.mark.parametrize("value", ["[base]", "7", "''"])
def test_what_names_no_file_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(ProfileError, match="extends: "):
        load_text(f"version: 1\nextends: {value}\n", tmp_path)


# --show-profile


def test_every_final_value_is_shown_with_where_it_comes_from_and_no_secret(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASE_TOKEN", "a-secret-of-the-base")
    loaded = own("thresholds:\n  SCHED-001: {max_wait: 3m}\nknowledge: common\n", tmp_path)

    shown = show(loaded)

    origins = dict(
        line.strip().removeprefix("- ").split("  # ", 1) for line in shown.splitlines()[1:] if "  # " in line
    )
    origins = {key.strip(): value.strip() for key, value in origins.items()}
    assert origins["max_wait: 3m"] == "prod.yaml:4"
    assert origins["max_wait_gpu: 2m"] == "base.yaml:12"
    assert origins["token: ${BASE_TOKEN}"] == "base.yaml:6"
    assert origins["in_cluster: false"] == "default"
    assert origins["address: one.example.com"] == "base.yaml:9", "its short form stands there"
    assert origins["share: 0.8"] == "default"
    assert origins[f"knowledge: {base}"] == "prod.yaml:5"
    assert "a-secret-of-the-base" not in shown


def test_what_is_shown_loads_again_as_the_same_profile(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASE_TOKEN", "a-secret-of-the-base")
    text = 'description: "two\\nlines # and a hash: {x}"\nwaivers:\n- {check: X-001, subject: "*", '
    loaded = own(text + "reason: '- r', owner: 'o: p', approved_by: a, expires: 2026-12-31}\n", tmp_path)

    assert yaml.safe_load(show(loaded)) == yaml.safe_load(loaded.resolved)
