"""The way into a cluster: trust, proxies, kubeconfigs, exec plugins; and what a report says of it."""

import contextlib
import json
import logging
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from certificates import authority, days, write_bundle
from domino_health.collectors import gather, kubernetes, way_in
from domino_health.collectors.cluster import Connection
from domino_health.collectors.gather import Gathering, Wanted
from domino_health.collectors.looking import CollectionError
from domino_health.facts.kubernetes import Pod
from domino_health.facts.observed import Outcome
from domino_health.profile import Profile
from domino_health.profile.clusters import Cluster
from fault_server import (
    Listener,
    dead_port,
    says,
)
from stubs import (  # noqa: F401 (fixtures are asked for by name)
    SLACK,
    TOKEN,
    Connect,
    StartStub,
    Trust,
    closing,
    connected,
    gathered,
    listed,
    opened,
    page,
    plain_environment,
    refused,
    serve_pages,
    stub,
    trust,
)

pytestmark = pytest.mark.usefixtures("plain_environment")


# Trust


def test_a_certificate_that_nobody_here_trusts_is_refused_before_the_token_is_sent(
    stub: StartStub, connected: Connect
) -> None:
    server = stub(says(200, page("a")))

    error = refused(connected(server, ca_file=None))

    assert error.reason.startswith(f"{server.url}: certificate verify failed: ")
    assert "_ssl" not in error.reason, "OpenSSL's words, without those of Python's source"
    assert error.cure == "name the CA that issued the API server's certificate: ca_file, or in the kubeconfig"
    assert server.requests == []


def test_a_certificate_for_another_name_is_refused(
    stub: StartStub, connected: Connect, trust: Trust, tmp_path: Path
) -> None:
    other = trust.context_of(trust.root.issue("other", "other.example.com"), tmp_path)
    server = stub(says(200, page("a")), tls=other)

    error = refused(connected(server))

    assert "IP address mismatch" in error.reason
    assert error.cure == "name the API server as its certificate does"
    assert server.requests == []


def test_a_certificate_that_has_ended_is_refused(
    stub: StartStub, connected: Connect, trust: Trust, tmp_path: Path
) -> None:
    ended = trust.root.issue("api", "127.0.0.1", not_before=days(-30), not_after=days(-1))
    server = stub(says(200, page("a")), tls=trust.context_of(ended, tmp_path))

    error = refused(connected(server))

    assert "certificate has expired" in error.reason
    assert "renew the API server's certificate" in error.cure
    assert server.requests == []


def test_a_server_without_tls_is_reported(connected: Connect, opened: contextlib.ExitStack) -> None:
    plain = opened.enter_context(
        Listener(lambda connection: connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n"))
    )

    error = refused(connected(f"https://127.0.0.1:{plain.port}"))

    assert error.outcome is Outcome.FAILED
    assert error.reason.startswith(f"https://127.0.0.1:{plain.port}: ")
    assert "does not speak TLS" in error.cure


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_trust_that_others_tools_are_given_is_not_ours(
    stub: StartStub, connected: Connect, trust: Trust, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, str(trust.ca_file))
    server = stub(says(200, page("a")))

    assert "certificate verify failed" in refused(connected(server, ca_file=None)).reason


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_trust_in_the_environment_does_not_replace_the_profiles(
    stub: StartStub, connected: Connect, monkeypatch: pytest.MonkeyPatch, name: str, tmp_path: Path
) -> None:
    monkeypatch.setenv(name, str(write_bundle(tmp_path / "other.pem", authority("Another CA"))))

    assert listed(connected(stub(says(200, page("a"))))) == ["a"]


def test_a_broken_ca_file_is_named_as_the_cause(stub: StartStub, connected: Connect, tmp_path: Path) -> None:
    broken = tmp_path / "ca.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    server = stub(says(200, page("a")))

    error = refused(connected(server, ca_file=str(broken)))

    assert error.cure.startswith("mend ca_file")


@pytest.mark.parametrize("token", ["with\nnewline", "with\r\nX-Injected: yes", "ключ"])
def test_a_token_that_cannot_stand_in_a_header_is_reported_without_it(
    stub: StartStub, connected: Connect, token: str
) -> None:
    server = stub(says(200, page("a")))

    error = refused(connected(server, token=token))

    assert token not in error.reason
    assert repr(token)[1:-1] not in error.reason
    assert "credential" in error.cure
    assert server.requests == []


@pytest.mark.parametrize(
    "server",
    [
        "https://",
        "https://[::1",
        "https://a..b",
        "https://127.0.0.1:99999",
        "https://127.0.0.1:x",
        "https:// ",
    ],
)
def test_an_address_that_is_none_is_reported(connected: Connect, server: str) -> None:
    error = refused(connected(server))

    assert error.outcome is Outcome.FAILED
    assert "whether the address is right" in error.cure


def test_a_deadline_of_months_is_no_reason_to_break(stub: StartStub, connected: Connect) -> None:
    assert listed(connected(stub(says(200, page("a")))), seconds=86400 * 60) == ["a"]


# Proxies


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY"])
def test_a_proxy_in_the_environment_is_used_and_named_when_it_is_dead(
    connected: Connect, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    port = dead_port()
    monkeypatch.setenv(name, f"http://someone:hunter22@127.0.0.1:{port}")

    error = refused(connected("https://api.example.com"))

    assert f"proxy 127.0.0.1:{port}" in error.reason
    assert "connection refused" in error.reason
    assert "hunter22" not in error.reason
    assert "NO_PROXY" in error.cure


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_no_proxy_is_asked_for_what_is_on_this_machine(
    stub: StartStub, connected: Connect, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    # As kubectl: the end of a tunnel here is never a proxy's to reach.
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{dead_port()}")
    server = stub(says(200, page("a")))

    assert listed(connected(server.url.replace("127.0.0.1", host))) == ["a"]


def test_a_proxy_that_wants_a_password_is_named(
    connected: Connect, opened: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def demand(connection: Any) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    proxy = opened.enter_context(Listener(demand))
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")

    error = refused(connected("https://api.example.com"))

    assert f"proxy 127.0.0.1:{proxy.port}" in error.reason
    assert "407" in error.reason


def test_no_proxy_is_honoured(stub: StartStub, connected: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{dead_port()}")
    monkeypatch.setenv("NO_PROXY", "127.1")
    server = stub(says(200, page("a")))

    # Another spelling of 127.0.0.1, which nothing but NO_PROXY takes past the proxy, and no certificate has.
    error = refused(connected(server.url.replace("127.0.0.1", "127.1")))

    assert "proxy" not in error.reason
    assert "certificate" in error.reason
    assert server.connections == 1


# Ways in


@dataclass(frozen=True)
class Kubeconfig:
    """A kubeconfig for a stub."""

    server: str
    ca_file: Path
    directory: Path

    def write(self, user: Any = None, **changed: Any) -> Path:
        """With one context, ``health``, for one user; ``changed`` replaces whole sections."""
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "health",
            "clusters": [
                {
                    "name": "prod",
                    "cluster": {"server": self.server, "certificate-authority": str(self.ca_file)},
                }
            ],
            "contexts": [{"name": "health", "context": {"cluster": "prod", "user": "health"}}],
            "users": [{"name": "health", "user": user or {"token": TOKEN}}],
            **changed,
        }
        path = self.directory / "kubeconfig"
        path.write_text(yaml.safe_dump(content))
        return path


@pytest.fixture
def kubeconfig(stub: StartStub, trust: Trust, tmp_path: Path) -> Kubeconfig:
    return Kubeconfig(stub(says(200, page("a"))).url, trust.ca_file, tmp_path)


def by_kubeconfig(path: Path, opened: contextlib.ExitStack, **more: Any) -> Connection:
    cluster = Cluster.model_validate({"name": "prod", "kubeconfig": str(path), **more})
    return closing(opened, Connection(cluster))


def no_way_in(
    path: Path, opened: contextlib.ExitStack, cure: str = "kubeconfig", **more: Any
) -> CollectionError:
    with pytest.raises(CollectionError) as caught:
        by_kubeconfig(path, opened, **more)
    error = caught.value
    assert error.reason.startswith("no way into cluster prod: ")
    assert error.outcome is Outcome.FAILED
    assert cure in error.cure
    assert TOKEN not in error.reason
    return error


def exec_plugin(directory: Path, source: str, **more: Any) -> dict[str, Any]:
    """A user whose credential comes from a program."""
    program = directory / "plugin.py"
    program.write_text(source)
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": ["-I", "-S", str(program)],
            "interactiveMode": "Never",
            **more,
        }
    }


def credential(**status: str) -> str:
    """A plugin that prints a credential."""
    content = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": status,
    }
    return f"print({json.dumps(content)!r})"


def test_a_kubeconfig_leads_in(
    kubeconfig: Kubeconfig, stub: StartStub, trust: Trust, tmp_path: Path, opened: contextlib.ExitStack
) -> None:
    server = stub(says(200, page("a")))
    path = Kubeconfig(server.url, trust.ca_file, tmp_path).write()

    assert listed(by_kubeconfig(path, opened, context="health")) == ["a"]
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


def test_an_exec_plugin_gives_the_token_and_is_run_once(
    stub: StartStub, trust: Trust, tmp_path: Path, opened: contextlib.ExitStack
) -> None:
    server = stub(serve_pages(page("a", **{"continue": "1"}), page("b")))
    runs = tmp_path / "runs"
    plugin = f"open({str(runs)!r}, 'a').write('x')\n{credential(token='from-the-plugin')}"
    path = Kubeconfig(server.url, trust.ca_file, tmp_path).write(exec_plugin(tmp_path, plugin))

    assert listed(by_kubeconfig(path, opened)) == ["a", "b"]

    assert [request.headers["authorization"] for request in server.requests] == ["Bearer from-the-plugin"] * 2
    assert runs.read_text() == "x"


def test_a_kubeconfig_that_has_gone_is_reported(kubeconfig: Kubeconfig, opened: contextlib.ExitStack) -> None:
    cluster = Cluster.model_validate({"name": "prod", "kubeconfig": str(kubeconfig.write())})
    assert cluster.kubeconfig is not None
    cluster.kubeconfig.unlink()

    with pytest.raises(CollectionError, match="no way into cluster prod"):
        closing(opened, Connection(cluster))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        "[]",
        "5",
        "just words",
        "a: [unclosed",
        "a:\tb: c",
        "\x00\x01",
        f"users: [{{name: health, user: {{token: {TOKEN}",
        f"token: {TOKEN}\n  bad: indent",
        "clusters: []\ncontexts: []\nusers: []\n",
        "current-context: health\nclusters:\ncontexts:\nusers:\n",
        "current-context: health\nclusters: 5\ncontexts: 5\nusers: 5\n",
    ],
    ids=repr,
)
def test_a_kubeconfig_that_is_none_is_reported(
    tmp_path: Path, opened: contextlib.ExitStack, text: str
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)

    no_way_in(path, opened)


def test_a_context_that_is_not_there_is_named(kubeconfig: Kubeconfig, opened: contextlib.ExitStack) -> None:
    error = no_way_in(kubeconfig.write(), opened, context="stagign")

    assert "no context stagign in " in error.reason
    assert error.reason.endswith("; known: health")


def test_without_a_kubeconfig_the_files_that_were_looked_for_are_named(
    opened: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kubernetes.config import kube_config

    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", "/no/such/config:/nor/this")

    with pytest.raises(CollectionError) as caught:
        closing(opened, Connection(Cluster(name="prod")))

    assert caught.value.reason == (
        "no way into cluster prod: no kubeconfig: there is no /no/such/config:/nor/this"
    )
    assert "KUBECONFIG" in caught.value.cure


def test_paths_in_a_kubeconfig_are_relative_to_it(
    kubeconfig: Kubeconfig, trust: Trust, tmp_path: Path, opened: contextlib.ExitStack
) -> None:
    (tmp_path / "own-ca.pem").write_bytes(trust.ca_file.read_bytes())
    cluster = {"server": kubeconfig.server, "certificate-authority": "own-ca.pem"}

    path = kubeconfig.write(clusters=[{"name": "prod", "cluster": cluster}])

    assert listed(by_kubeconfig(path, opened)) == ["a"]


def test_files_of_a_user_are_beside_the_kubeconfig_that_has_the_user(
    kubeconfig: Kubeconfig, tmp_path: Path, opened: contextlib.ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kubernetes.config import kube_config

    (tmp_path / "users").mkdir()
    (tmp_path / "users" / "token").write_text(f"{TOKEN}\n")  # kubectl takes the line break as well
    users = tmp_path / "users" / "config"
    users.write_text(yaml.safe_dump({"users": [{"name": "health", "user": {"tokenFile": "token"}}]}))
    clusters = kubeconfig.write(users=[])
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", f"{clusters}:{users}")

    connection = closing(opened, Connection(Cluster(name="prod")))

    assert listed(connection) == ["a"]


@pytest.mark.parametrize("key", ["as", "as-uid"])
def test_impersonation_is_refused_and_not_passed_over(
    kubeconfig: Kubeconfig, opened: contextlib.ExitStack, key: str
) -> None:
    error = no_way_in(kubeconfig.write({"token": TOKEN, key: "nobody"}), opened, cure="impersonation")

    assert f"the kubeconfig says '{key}: nobody', which is not supported here" in error.reason
    assert error.cure == "name a context without impersonation"


def test_a_proxy_of_the_kubeconfig_is_used_and_named(
    kubeconfig: Kubeconfig, opened: contextlib.ExitStack
) -> None:
    port = dead_port()
    cluster = {"server": kubeconfig.server, "proxy-url": f"http://127.0.0.1:{port}"}

    error = refused(by_kubeconfig(kubeconfig.write(clusters=[{"name": "prod", "cluster": cluster}]), opened))

    assert f"no way through the proxy 127.0.0.1:{port}" in error.reason
    assert error.cure == "see the proxy that proxy-url in the kubeconfig names"


def test_a_kubeconfig_is_never_written_to(
    kubeconfig: Kubeconfig, tmp_path: Path, opened: contextlib.ExitStack
) -> None:
    # An identity provider's token that has expired is renewed, and load_kube_config would write the new one.
    path = kubeconfig.write(exec_plugin(tmp_path, credential(token="from-the-plugin")))
    before = path.read_bytes()

    assert listed(by_kubeconfig(path, opened)) == ["a"]

    assert path.read_bytes() == before
    assert by_kubeconfig(path, opened)._client.configuration.host == kubeconfig.server


# What was asked, and of whom


def test_a_target_says_which_server_it_asked_and_who_led_there(
    kubeconfig: Kubeconfig, stub: StartStub, trust: Trust
) -> None:
    path = kubeconfig.write()
    cluster = {"name": "prod", "kubeconfig": str(path)}
    profile = Profile.model_validate({"version": 1, "clusters": [cluster]})
    gathering = Gathering([Wanted("pods", kubernetes.pods, "clusters", Pod)], profile)
    gathering.start()

    (by_context,) = gathering.wait("pods").targets
    server = stub(says(200, page("a")))
    (by_address,) = gathered(server.url, trust).targets
    (refused,) = gathered(f"https://127.0.0.1:{dead_port()}", trust).targets

    assert by_context.how == f"GET {kubeconfig.server}/api/v1/pods?limit=500 (context health of {path})"
    assert by_address.how == f"GET {server.url}/api/v1/pods?limit=500"
    assert refused.how.startswith("GET https://127.0.0.1:")


def test_a_target_whose_way_in_was_not_found_says_what_it_would_have_asked(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("[]")
    cluster = {"name": "prod", "kubeconfig": str(path)}
    profile = Profile.model_validate({"version": 1, "clusters": [cluster]})
    gathering = Gathering([Wanted("pods", kubernetes.pods, "clusters", Pod)], profile)
    gathering.start()

    (target,) = gathering.wait("pods").targets

    assert target.how == "GET /api/v1/pods?limit=500"


def test_a_password_in_a_kubeconfigs_address_is_not_shown(
    kubeconfig: Kubeconfig, opened: contextlib.ExitStack
) -> None:
    server = f"https://someone:hunter22@127.0.0.1:{dead_port()}"
    clusters = [{"name": "prod", "cluster": {"server": server}}]
    connection = by_kubeconfig(kubeconfig.write(clusters=clusters), opened)

    assert "hunter22" not in refused(connection).reason
    assert "hunter22" not in connection.how("/version")


@pytest.mark.parametrize(
    "changed",
    [
        {"clusters": [{"name": "other", "cluster": {"server": "https://127.0.0.1:1"}}]},
        {"contexts": [{"name": "health", "context": {"user": "health"}}]},
        {"users": [{"name": "health", "token": TOKEN}]},
        {"users": [{"user": {"token": TOKEN}}]},
        {"users": [{"name": "health", "user": {"exec": {"command": "x", "args": [TOKEN]}}}]},
        {
            "users": [
                {
                    "name": "health",
                    "user": {
                        "password": TOKEN,
                        "exec": {"apiVersion": "v1", "command": "x", "env": [{"name": "N"}]},
                    },
                }
            ]
        },
        {"users": [{"name": "health", "user": {"client-certificate": "/no/such", "token": TOKEN}}]},
        {"current-context": None},
    ],
    ids=lambda changed: repr(changed).replace(TOKEN, "TOKEN")[:80],
)
def test_a_mistake_in_a_kubeconfig_is_reported_without_the_secrets_beside_it(
    kubeconfig: Kubeconfig, opened: contextlib.ExitStack, caplog: pytest.LogCaptureFixture, changed: Any
) -> None:
    no_way_in(kubeconfig.write(**changed), opened)  # `no_way_in` looks for the token

    assert TOKEN not in caplog.text


def test_a_client_certificate_that_is_none_is_reported(
    kubeconfig: Kubeconfig, opened: contextlib.ExitStack
) -> None:
    user = {"client-certificate-data": "bm90aGluZw==", "client-key-data": "bm90aGluZw==", "token": TOKEN}

    error = refused(by_kubeconfig(kubeconfig.write(user), opened))

    assert error.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import sys; sys.exit('your session has ended, please log in')", "your session has ended"),
        ("import sys; sys.exit(3)", "3"),
        ("print('Please visit https://sso.example.com to log in')", "exec"),
        ("print()", "exec"),
        ("print('[]')", "exec"),
        ("print('{}')", "exec"),
        (credential(token="x").replace("/v1", "/v1beta1"), "does not match"),
        (credential(), "missing token"),
        (credential(clientCertificateData="x"), "clientKeyData"),
        ("import sys; sys.stdout.buffer.write(bytes([255, 254, 0]))", "exec"),
    ],
    ids=lambda value: value[:50],
)
def test_an_exec_plugin_that_fails_is_reported_and_the_server_is_not_asked_without_it(
    kubeconfig: Kubeconfig,
    tmp_path: Path,
    opened: contextlib.ExitStack,
    caplog: pytest.LogCaptureFixture,
    source: str,
    told: str,
) -> None:
    path = kubeconfig.write(exec_plugin(tmp_path, source))

    error = no_way_in(path, opened)

    assert told in error.reason or "decode" in error.reason
    assert caplog.text == "", "what is reported need not be logged as well"


@pytest.mark.parametrize(
    ("said", "quoted"),
    [
        ("token=hunter22", "token=…"),
        ("AWS_SECRET_ACCESS_KEY: hunter22/K7", "AWS_SECRET_ACCESS_KEY: …"),
        ('{"access_token": "hunter22"', '{"access_token": "…"'),
        ("Authorization: Bearer hunter22", "Authorization: Bearer …"),
        ("https://ops:hunter22@sso.example.com is down", "https://…@sso.example.com is down"),
        (f"got eyJhbGciOi{'hunter22' * 3}.{'hunter22' * 3}", "got ….…"),
        ("the security token included in the request is expired", "the request is expired"),
        ("arn:aws:iam::123456789012:role/reader may not", "arn:aws:iam::123456789012:role/reader may not"),
        ("KeyError: 'clusters'", "KeyError: 'clusters'"),
    ],
)
def test_of_an_exec_plugins_words_what_looks_like_a_secret_is_left_out(
    kubeconfig: Kubeconfig, tmp_path: Path, opened: contextlib.ExitStack, said: str, quoted: str
) -> None:
    error = no_way_in(kubeconfig.write(exec_plugin(tmp_path, f"import sys; sys.exit({said!r})")), opened)

    assert quoted in error.reason
    assert "hunter22" not in error.reason


def test_a_pipe_is_no_kubeconfig_and_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    named = f"{tmp_path / 'none'}:{tmp_path / 'pipe'}"
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", named)

    for look in (way_in.contexts, lambda name: way_in.way_into(Cluster(name=name))):
        with pytest.raises(CollectionError, match="pipe: not a file") as caught:
            look("prod")
        assert "name a kubeconfig that is a file" in caught.value.cure


def test_an_exec_plugin_that_is_not_installed_is_named(
    kubeconfig: Kubeconfig, tmp_path: Path, opened: contextlib.ExitStack
) -> None:
    path = kubeconfig.write(exec_plugin(tmp_path, "", command="no-such-plugin"))

    assert "exec plugin no-such-plugin is not installed here" in no_way_in(path, opened).reason


def test_an_exec_plugin_that_hangs_is_given_up_at_the_deadline_for_every_target(
    kubeconfig: Kubeconfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "GRACE", 0.2)
    path = kubeconfig.write(exec_plugin(tmp_path, "import time; time.sleep(2)"))
    cluster = {"name": "prod", "kubeconfig": str(path), "namespaces": ["a", "b"], "deadline": "500ms"}
    profile = Profile.model_validate({"version": 1, "clusters": [cluster]})
    gathering = Gathering([Wanted("pods", kubernetes.pods, "clusters", Pod)], profile)
    gathering.start()

    observed = gathering.wait("pods")

    assert [target.outcome for target in observed.targets] == [Outcome.TIMED_OUT] * 2
    assert any("given up while finding the way in" in target.reason for target in observed.targets)
    assert all("the kubeconfig's exec plugin hangs" in target.cure for target in observed.targets)
    assert all(target.seconds < 0.7 + SLACK for target in observed.targets)


def test_a_credential_that_cannot_be_renewed_is_reported(
    kubeconfig: Kubeconfig, tmp_path: Path, opened: contextlib.ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    ends = format(datetime.now(UTC) - timedelta(hours=1), "%Y-%m-%dT%H:%M:%SZ")
    plugin = credential(token="old", expirationTimestamp=ends)
    connection = by_kubeconfig(kubeconfig.write(exec_plugin(tmp_path, plugin)), opened)
    (tmp_path / "plugin.py").write_text("import sys; sys.exit('your session has ended')")

    error = refused(connection)

    assert error.reason.startswith("no way into cluster prod: ")
    assert "your session has ended" in error.reason
    assert caplog.text == ""


def test_what_renews_a_credential_may_raise_anything(stub: StartStub, connected: Connect) -> None:
    connection = connected(stub(says(200, page("a"))))

    def explode(configuration: object) -> None:
        raise RuntimeError("the refresher broke")

    connection._client.configuration.refresh_api_key_hook = explode

    assert "the refresher broke" in refused(connection).reason


def test_outside_of_a_cluster_there_is_no_way_in_from_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(CollectionError, match="no way into cluster prod: not inside of a cluster") as caught:
        Connection(Cluster.model_validate({"name": "prod", "in_cluster": True}))

    assert "mend the kubeconfig" not in caught.value.cure


def test_another_threads_log_is_not_taken_for_the_exec_plugins(
    kubeconfig: Kubeconfig, opened: contextlib.ExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    import threading

    with way_in._root_log() as said:
        other = threading.Thread(target=logging.error, args=("not about us",))
        other.start()
        other.join(5)

    assert said == []
    assert "not about us" in caplog.text
