"""The first profile: it loads whatever was seen, shows every section, and says what was not seen."""

import re
from pathlib import Path

import pytest

from domino_health.facts.survey import Door, Host, Missed, Survey
from domino_health.plugin.suite import known_checks
from domino_health.profile import Loaded, Profile, load
from domino_health.profile.packs import Pack
from domino_health.profile.starter import MOST_CONTEXTS, PARTS, missed, scalar, seen, starter
from profile_texts import CA, no_lab

RULE = '{apiGroups: [""], resources: ["pods"], verbs: ["list"]}'
WHOLE = Survey(
    "prod",
    Door(context="prod-reader", others=("staging",)),
    server="https://127.0.0.1:6443",
    version="v1.34.2",
    platform=("domino-platform",),
    compute=("domino-compute", "domino-field"),
    how="labels",
    told=True,
    services=(("front end", "nucleus-frontend"), ("Keycloak", "keycloakv17")),
    whole=True,
    hosts=(
        Host(
            "domino.example.com", "Ingress domino-platform/domino", "CN=domino.example.com, issued by CN=R3"
        ),
        Host("sso.example.com", "Gateway domino-platform/sso", trouble="sso.example.com:443: no such host"),
    ),
)
LIMITED = Survey(
    "prod", Door(context="reader"), server="https://127.0.0.1:1", within=("domino-compute", "null")
)
BLIND = Survey("prod", missed=(Missed("the way in", "no kubeconfig", "set KUBECONFIG"),))
STRANGE = Survey(
    "prod",
    Door(context="reader"),
    hosts=(
        Host(
            "domino.example.com", "Ingress a/b", "CN=d, issued by CN=Corporate", "self-signed", untrusted=True
        ),
    ),
)
IN_A_POD = Survey("prod", Door(in_cluster=True), server="https://10.96.0.1", whole=True)
HOSTILE = [
    'a"b',
    "a'b",
    "a\nlab: faulty",
    "a\n    token: x",
    "# nothing",
    "a # b",
    "${HOME}",
    "$${HOME}",
    "${file:/etc/passwd}",
    "a: b",
    "- a",
    "&a",
    "*a",
    "!!int 5",
    "{a: b}",
    "[a]",
    "on",
    "null",
    "~",
    "1.5",
    "0x1f",
    "2026-11-24",
    "12:30",
    "=",
    "<<",
    "a\u2028lab: faulty",
    "a\x85lab: faulty",
    "a\x1b[31m",
    "a\\nb",
    "arn:aws:eks:eu-central-1:123:cluster/prod",
    "gke_project_zone_name",
    "ünïcode",
    " a ",
    "a:",
    "%YAML",
    "x" * 5000,
]


def loaded(text: str, directory: Path, load_pack: object = None) -> Loaded:
    (directory / "prod.yaml").write_text(text, encoding="utf-8")
    more = {"load_pack": load_pack} if load_pack else {}
    return load("prod", directories=[directory], checks=known_checks(), start_lab=no_lab, **more)  # type: ignore[arg-type]


def profile(survey: Survey, directory: Path) -> Profile:
    return loaded(starter(survey), directory).profile


@pytest.mark.parametrize("survey", [WHOLE, LIMITED, BLIND, STRANGE, IN_A_POD, Survey("on")])
def test_whatever_was_seen_the_file_loads_and_names_every_key_of_a_profile(
    survey: Survey, tmp_path: Path
) -> None:
    text = starter(survey)

    given = loaded(text, tmp_path).profile

    (cluster,) = given.clusters or ()
    assert cluster.name == survey.name
    assert given.model_fields_set <= {"version", "clusters", "domino", "tls"}
    for key in Profile.model_fields:
        assert re.search(rf"^(# )?{key}:", text, re.MULTILINE), f"profile/starter.py: PARTS lacks {key}"
    assert text.splitlines()[-1] == f"# Next: pytest --profile {survey.name}"
    assert max(map(len, text.splitlines())) <= 110


def test_every_part_is_a_section_of_a_profile() -> None:
    assert set(PARTS) | {"version"} == set(Profile.model_fields)


@pytest.mark.parametrize("name", [name for name in PARTS if name != "lab"])
def test_every_example_loads_when_it_is_no_comment_any_more(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for secret in ("DOMINO_HEALTH_KEYCLOAK", "DOMINO_HEALTH_LDAP"):
        monkeypatch.setenv(secret, "a-s3cret")
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "base.yaml").write_text("version: 1\ndescription: of base.yaml\n")
    (tmp_path / "corporate-ca.pem").write_text(CA)
    (tmp_path / "waivers.yaml").write_text("SCHED-001: {expiration_date: 2027-01-31, justification: known}\n")

    text = f"version: 1\n{PARTS[name].example}\n"
    given = loaded(text, tmp_path, lambda pack: Pack(pack, tmp_path)).profile

    becomes = {"extends": "description", "inspec_waivers": "waivers"}
    assert becomes.get(name, name) in given.model_fields_set


@pytest.mark.parametrize("name", [name for name in PARTS if name != "clusters"])
def test_an_example_is_shown_where_nothing_is_known(name: str) -> None:
    example = "\n".join(f"# {line}" for line in PARTS[name].example.splitlines())

    assert f"\n{example}\n" in starter(BLIND)


def test_what_was_seen_stands_in_the_profile(tmp_path: Path) -> None:
    given = profile(WHOLE, tmp_path)

    (cluster,) = given.clusters or ()
    assert (cluster.context, cluster.kubeconfig, cluster.namespaces) == ("prod-reader", None, None)
    assert given.domino
    assert given.domino.platform_namespace == "domino-platform"
    assert given.domino.compute_namespaces == ("domino-compute", "domino-field")
    assert given.tls
    assert [endpoint.address for endpoint in given.tls.endpoints] == ["domino.example.com", "sso.example.com"]
    text = starter(WHOLE)
    assert "#   cluster: https://127.0.0.1:6443, by context prod-reader; Kubernetes v1.34.2" in text
    assert "platform domino-platform; compute domino-compute, domino-field" in text
    assert "other contexts of the kubeconfig: staging" in text
    assert "services: front end nucleus-frontend, Keycloak keycloakv17" in text
    assert "ca_file" not in text
    assert "Not seen" not in text
    assert "    # sso.example.com:443: no such host\n    - sso.example.com\n" in text


def test_an_account_of_namespaces_alone_gets_them(tmp_path: Path) -> None:
    (cluster,) = profile(LIMITED, tmp_path).clusters or ()

    assert cluster.namespaces == ("domino-compute", "null")
    assert "pods may be listed in domino-compute, null alone" in seen(LIMITED)


@pytest.mark.parametrize(
    ("host", "said"),
    [
        (Host("a", "Ingress b/c", "CN=a"), "a (Ingress b/c): presents a chain that verifies"),
        (
            Host("a", "I", "CN=a", "for other names"),
            "a (I): presents a chain that verifies, but for other names",
        ),
        (Host("a", "I", trouble="refused"), "a (I): did not answer: refused"),
        (
            Host("a", "I", "CN=a", "self-signed", True),
            "a (I): presents a chain that no public CA vouches for: self-signed",
        ),
    ],
    ids=["well", "another name", "dead", "private"],
)
def test_what_a_host_presents_is_said_in_a_line(host: Host, said: str) -> None:
    assert seen(Survey("prod", hosts=(host,))) == [said]


def test_of_two_platforms_none_is_chosen(tmp_path: Path) -> None:
    given = profile(Survey("prod", platform=("a", "b"), compute=("c",)), tmp_path)

    assert given.domino
    assert given.domino.platform_namespace is None
    assert given.domino.compute_namespaces == ("c",)
    assert profile(Survey("prod", platform=("a", "b")), tmp_path).domino is None


def test_in_a_pod_its_service_account_is_the_way_in(tmp_path: Path) -> None:
    (cluster,) = profile(IN_A_POD, tmp_path).clusters or ()

    assert cluster.in_cluster
    assert "by the pod's service account" in seen(IN_A_POD)[0]


def test_a_kubeconfig_is_named_where_it_is_one_file(tmp_path: Path) -> None:
    file = tmp_path / "a # ${HOME} config"
    file.write_text("")

    (cluster,) = profile(Survey("prod", Door(str(file), context="reader")), tmp_path).clusters or ()

    assert cluster.kubeconfig == file


def test_of_several_kubeconfigs_the_variable_is_told() -> None:
    text = starter(Survey("prod", Door(variable="/a:/b", context="reader")))

    assert "    # KUBECONFIG must be set as it was: /a:/b\n    context: reader\n" in text


def test_a_private_ca_is_told_with_a_line_for_it() -> None:
    text = starter(STRANGE)

    assert "  # domino.example.com presents CN=d, issued by CN=Corporate: self-signed\n  # ca_file: " in text


def test_what_was_not_seen_is_told_with_the_reason_and_each_cure_once() -> None:
    survey = Survey(
        "prod",
        missed=(
            Missed("pods", "403 no", RULE),
            Missed("nodes", "500", "see etcd"),
            Missed("more", "403", RULE),
        ),
        left_out=(Missed("*.example.com", "Ingress a/b names a pattern", "name the hosts"),),
    )

    assert missed(survey) == [
        "pods: 403 no",
        "more: 403",
        f"-> {RULE}",
        "nodes: 500",
        "-> see etcd",
        "*.example.com was not looked at: Ingress a/b names a pattern; name the hosts",
    ]
    assert f"# Not seen:\n#   pods: 403 no\n#   more: 403\n#   -> {RULE}\n" in starter(survey)


@pytest.mark.parametrize(
    ("told", "said"), [(True, True), (False, False)], ids=["looked, and none", "could not look"]
)
def test_no_namespace_of_dominos_is_said_only_where_one_could_look(told: bool, said: bool) -> None:
    survey = Survey("prod", Door(context="reader"), server="https://127.0.0.1:1", told=told)

    assert any("no namespace of Domino's" in line for line in seen(survey)) is said


def test_of_hundreds_of_contexts_some_are_named() -> None:
    many = tuple(f"c{number}" for number in range(MOST_CONTEXTS + 2))

    line = seen(Survey("prod", Door(context="a", others=many)))[-1]

    assert line.endswith(f"c{MOST_CONTEXTS - 1} and 2 more")
    assert seen(Survey("prod", Door(context="a", others=many[:-2])))[-1].endswith(f"c{MOST_CONTEXTS - 1}")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_what_it_is_and_adds_no_key(name: str, tmp_path: Path) -> None:
    survey = Survey(
        "prod",
        Door(context=name, variable=name, others=(name, name)),
        server=name,
        version=name,
        platform=("domino-platform",),
        compute=("domino-compute",),
        how=name,
        services=((name, name),),
        hosts=(Host("domino.example.com", name, name, name, untrusted=True), Host("b", name, trouble=name)),
        left_out=(Missed(name, name, name),),
        missed=(Missed(name, name, name),),
    )

    given = profile(survey, tmp_path)

    (cluster,) = given.clusters or ()
    assert cluster.context == name
    assert cluster.model_fields_set == {"name", "context"}
    assert given.model_fields_set == {"version", "clusters", "domino", "tls"}
    assert given.tls
    assert [endpoint.address for endpoint in given.tls.endpoints] == ["domino.example.com", "b"]
    lines = [*seen(survey), *missed(survey)]
    assert all(line.isprintable() and len(line) < 5000 for line in lines), "fit for a terminal"


@pytest.mark.parametrize(
    "name", ["prod-reader", "arn:aws:eks:eu-central-1:123:cluster/prod", "ops@prod", "a.b"]
)
def test_a_plain_name_needs_no_quotes(name: str) -> None:
    assert scalar(name) == name
