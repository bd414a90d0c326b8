"""Which file a profile is, and the files that it names: none of them can make the run wait or crash."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domino_health.profile import ProfileError, load
from domino_health.profile.loader import find
from profile_texts import CHECKS, VALID, load_text, mistakes, no_lab, profile, with_token

# Which profile


def test_a_profile_is_found_by_its_name_in_the_first_directory_that_has_it(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for directory, names in ((first, ["prod.yaml"]), (second, ["prod.yaml", "dr.yml"])):
        directory.mkdir()
        for name in names:
            (directory / name).write_text(VALID)

    assert find("prod", [first, second]) == first / "prod.yaml"
    assert find("dr", [first, second]) == second / "dr.yml"
    assert find("dr", [tmp_path / "missing", second]) == second / "dr.yml"


def test_a_profile_is_found_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "prod.yaml").write_text(VALID)
    (tmp_path / "plain").write_text(VALID)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))

    assert find("./prod.yaml", []) == Path("prod.yaml")
    assert find("prod.yaml", []) == Path("prod.yaml")
    assert find("~/prod.yaml", []) == tmp_path / "prod.yaml"
    assert find(str(tmp_path / "plain"), []) == tmp_path / "plain"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("prdo", "no such profile; did you mean prod?"),
        ("zzz", "no such profile; known: dr, prod"),
        ("prod.yaml", "no such file"),
        ("./zzz.yaml", "no such file"),
        ("nowhere/prod", "no such file"),
        ("", "no such profile"),
        (".", "no such profile"),
        ("..", "no such profile"),
        ("~nobody-at-all/prod.yaml", "no such file"),
        ("x" * 5000, "no such profile"),
        ("x" * 5000 + ".yaml", "file name too long"),
        ("a\0b", "no such profile"),
        ("\udcff", "no such profile"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_profile_that_is_not_there_is_told_with_the_nearest_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    directory = tmp_path / "profiles"
    directory.mkdir()
    for known in ("prod", "dr"):
        (directory / f"{known}.yaml").write_text(VALID)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ProfileError) as caught:
        find(name, [directory])

    assert caught.value.problems[0].message.startswith(message)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("directories", [[], ["missing"]])
def test_without_any_profile_none_is_found(tmp_path: Path, directories: list[str]) -> None:
    with pytest.raises(ProfileError, match="no such profile"):
        find("prod", [tmp_path / directory for directory in directories])


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_a_directory_and_a_pipe_are_no_profiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "prod.yaml")
    monkeypatch.chdir(tmp_path)

    for name in ("prod.yaml", "./prod.yaml", str(tmp_path)):
        with pytest.raises(ProfileError, match="not a file"):
            find(name, [tmp_path])
    with pytest.raises(ProfileError, match=r"no such profile$"):
        find("prod", [tmp_path])


def test_what_cannot_be_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "prod.yaml"
    path.write_text(VALID)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)

    with pytest.raises(ProfileError, match="cannot be read: permission denied"):
        load(str(path), directories=[], checks=CHECKS, start_lab=no_lab)


# The files that it names


def test_files_are_found_relative_to_the_profile_and_in_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for path in (tmp_path / "near.yaml", home / "far.yaml"):
        path.write_text("")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    text = "version: 1\nclusters:\n- {name: a, kubeconfig: near.yaml}\n- {name: b, kubeconfig: ~/far.yaml}\n"

    near, far = profile(text, tmp_path).clusters or ()

    assert near.kubeconfig == tmp_path / "near.yaml"
    assert far.kubeconfig == home / "far.yaml"


def test_a_profile_named_relatively_keeps_files_beside_it_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "kube.yaml").write_text("")
    (tmp_path / "profiles" / "prod.yaml").write_text(
        "version: 1\nclusters:\n- {name: a, kubeconfig: kube.yaml}\n"
    )
    monkeypatch.chdir(tmp_path)

    loaded = load("profiles/prod.yaml", directories=[], checks=CHECKS, start_lab=no_lab)

    (cluster,) = loaded.profile.clusters or ()
    assert cluster.kubeconfig == tmp_path / "profiles" / "kube.yaml"


@pytest.mark.parametrize("name", ["${x}", "a: b #", "é"])
def test_a_profile_in_a_folder_of_an_odd_name_loads_and_is_spelled_so_that_it_loads_again(
    tmp_path: Path, name: str
) -> None:
    directory = tmp_path / name
    directory.mkdir()
    (directory / "ca.pem").write_text("")

    loaded = load_text("version: 1\ntls: {endpoints: [a], ca_file: ca.pem}\n", directory)

    assert loaded.profile.tls is not None
    assert loaded.profile.tls.ca_file == directory / "ca.pem"
    assert load_text(loaded.resolved, tmp_path).profile.tls == loaded.profile.tls


def test_a_profile_in_a_folder_whose_name_is_no_text_loads(tmp_path: Path) -> None:
    directory = tmp_path / "\udcff"
    directory.mkdir()
    (directory / "ca.pem").write_text("")

    loaded = load_text("version: 1\ntls: {endpoints: [a], ca_file: ca.pem}\n", directory)

    assert loaded.profile.tls is not None
    assert loaded.profile.tls.ca_file == directory / "ca.pem"
    assert loaded.resolved.encode(), "reports keep it as UTF-8"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (with_token("${file:pipe}"), "clusters[0].token"),
        ("version: 1\ntls: {endpoints: [a], ca_file: pipe}\n", "tls.ca_file"),
    ],
)
def test_a_pipe_is_not_a_file_and_nobody_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, path: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    opened = Path.open

    def open_what_ends(path: Path, *args: Any, **more: Any) -> Any:
        assert path.name != "pipe", "to open it would wait"
        return opened(path, *args, **more)

    monkeypatch.setattr(Path, "open", open_what_ends)

    ((_, where, message),) = mistakes(text, tmp_path)

    assert where == path
    assert message.endswith("not a file")
