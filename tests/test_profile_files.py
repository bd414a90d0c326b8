"""Which file a profile is, and the files that it names: none of them can make the run wait or crash."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domino_health.profile import ProfileError, load
from domino_health.profile.finding import find
from profile_texts import CA, CHECKS, VALID, load_text, mistakes, no_lab, profile, with_token

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
        ("", "names no profile; known: dr, prod"),
        (" ", "names no profile; known: dr, prod"),
        ("profiles", "no such profile; known: dr, prod"),
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


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("./profiles", "profiles: is a directory; name a file in it: profiles/dr.yml, profiles/prod.yaml"),
        ("profiles/", "profiles: is a directory; name a file in it: profiles/dr.yml, profiles/prod.yaml"),
        ("profiles/none", "profiles/none: is a directory; name a file in it"),
        (".", ".: is a directory; name a file in it: here.yaml"),
        ("..", "..: is a directory; name a file in it"),
    ],
)
def test_a_directory_given_as_a_profile_is_told_with_the_profiles_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, told: str
) -> None:
    here = tmp_path / "here"
    (here / "profiles" / "none").mkdir(parents=True)
    for known in (".hidden.yaml", "here.yaml", "profiles/prod.yaml", "profiles/dr.yml", "profiles/notes.txt"):
        (here / known).write_text(VALID)
    monkeypatch.chdir(here)

    with pytest.raises(ProfileError) as caught:
        find(name, [here / "profiles"])

    assert str(caught.value) == told


@pytest.mark.parametrize(("make", "told"), [(Path.mkdir, "is a directory"), (os.mkfifo, "not a file")])
def test_a_directory_and_a_pipe_are_no_profiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], told: str
) -> None:
    make(tmp_path / "prod.yaml")
    monkeypatch.chdir(tmp_path)

    for name in ("prod.yaml", "./prod.yaml", str(tmp_path / "prod.yaml")):
        with pytest.raises(ProfileError, match=told):
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
    (directory / "ca.pem").write_text(CA)

    loaded = load_text("version: 1\ntls: {endpoints: [a], ca_file: ca.pem}\n", directory)

    assert loaded.profile.tls is not None
    assert loaded.profile.tls.ca_file == directory / "ca.pem"
    assert load_text(loaded.resolved, tmp_path).profile.tls == loaded.profile.tls


def test_a_profile_in_a_folder_whose_name_is_no_text_loads(tmp_path: Path) -> None:
    directory = tmp_path / "\udcff"
    directory.mkdir()
    (directory / "ca.pem").write_text(CA)

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


# CA certificates

CA_FILES = [
    pytest.param("version: 1\ntls:\n  endpoints: [a]\n  ca_file: ca.pem\n", "tls.ca_file", id="tls"),
    pytest.param(
        "version: 1\nclusters:\n- {name: a, server: 'https://a',\n   ca_file: ca.pem}\n",
        "clusters[0].ca_file",
        id="cluster",
    ),
]
NO_CERTIFICATE = "holds no PEM certificate; it must have a line -----BEGIN CERTIFICATE-----"
LARGEST_BUNDLE = 1 << 22
KEY = b"PRIVATE KEY"  # apart, or hooks that look for keys take what is made of it for one


@pytest.mark.parametrize(("text", "path"), CA_FILES)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hunter22, and no certificate\n",
        b"-----BEGIN %b-----\nhunter22\n-----END %b-----\n" % (KEY, KEY),
        b"-----BEGIN CERTIFICATE REQUEST-----\n",
        b"  -----BEGIN CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE----- hunter22\n",
        b"-----END CERTIFICATE-----\n",
        b"\x30\x82\x01\x00\xff\n",
        CA.encode("utf-16"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_ca_file_without_a_pem_certificate_is_told_and_not_repeated(
    tmp_path: Path, text: str, path: str, content: bytes
) -> None:
    (tmp_path / "ca.pem").write_bytes(content)

    assert mistakes(text, tmp_path) == [(4, path, NO_CERTIFICATE)]


@pytest.mark.parametrize(("text", "path"), CA_FILES)
@pytest.mark.parametrize(
    "content",
    [
        CA,
        CA.replace("\n", "\r\n"),
        f"\ufeff{CA}",
        f"# Corporate CA\n{CA}{CA}",
        "-----BEGIN TRUSTED CERTIFICATE-----\n",
        "-----BEGIN X509 CERTIFICATE-----  \n",
        "-----BEGIN CERTIFICATE-----",
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_ca_file_with_a_pem_certificate_as_openssl_reads_it_is_taken(
    tmp_path: Path, text: str, path: str, content: str
) -> None:
    (tmp_path / "ca.pem").write_bytes(content.encode())
    loaded = profile(text, tmp_path)

    found = loaded.tls.ca_file if loaded.tls else (loaded.clusters or ())[0].ca_file

    assert found == tmp_path / "ca.pem", path


@pytest.mark.parametrize("more", [0, 1])
def test_a_ca_file_may_be_as_large_as_4_mib_and_no_larger(tmp_path: Path, more: int) -> None:
    (tmp_path / "ca.pem").write_bytes(b"#" * (LARGEST_BUNDLE - len(CA) - 1 + more) + b"\n" + CA.encode())
    text = "version: 1\ntls: {endpoints: [a], ca_file: ca.pem}\n"

    if more:
        told = "larger than 4 MiB; these are not CA certificates"
        assert mistakes(text, tmp_path) == [(2, "tls.ca_file", told)]
    else:
        assert profile(text, tmp_path).tls is not None


def test_a_ca_file_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ca.pem").write_text(CA)
    opened = Path.open

    def refuse(path: Path, *args: Any, **more: Any) -> Any:
        if path.name == "ca.pem":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **more)

    monkeypatch.setattr(Path, "open", refuse)

    assert mistakes("version: 1\ntls: {endpoints: [a], ca_file: ca.pem}\n", tmp_path) == [
        (2, "tls.ca_file", "cannot be read: permission denied")
    ]
