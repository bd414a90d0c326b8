"""Known faults in a log: which lines are counted, what is kept of them, and what a profile may add."""

from pathlib import Path

import pytest

from domino_health.collectors.signatures import LONGEST_LINE, count
from domino_health.facts.logs import SERVICES, KnownFault
from domino_health.profile.logs import Logs, Signature, shipped
from profile_texts import mistakes, profile

MEMORY = Signature(id="memory", patterns=("java.lang.OutOfMemoryError",), cause="no memory left")
QUEUE = Signature(id="queue", patterns=("listen queue of socket * full", "queue overflows"), cause="full")


def lines(text: str | bytes, signature: Signature = MEMORY) -> int:
    """How many lines of a log have a fault's words."""
    body = text if isinstance(text, bytes) else text.encode()
    return sum(fault.lines for fault in count(body, [signature]))


def sample(text: str, signature: Signature = MEMORY) -> str:
    (fault,) = count(text.encode(), [signature])
    return fault.sample


# Which lines


def test_lines_are_counted_and_the_newest_is_kept() -> None:
    log = (
        b"one java.lang.OutOfMemoryError\nfine\ntwo java.lang.OutOfMemoryError: java.lang.OutOfMemoryError\n"
    )

    assert count(log, [MEMORY, QUEUE]) == (
        KnownFault(
            "memory",
            2,
            "medium",
            "no memory left",
            sample="two java.lang.OutOfMemoryError: java.lang.OutOfMemoryError",
        ),
    )


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ('*** uWSGI listen queue of socket ":8019" (fd: 3) full !!! (101/100) ***', True),
        ("listen queue of socket full", False),
        ("full: listen queue of socket 3", False),
        ("listen queue of socket 3\nfull", False),
        ("relisten queue of socket 3 full", False),
        ("(listen queue of socket 3 full)", True),
        ("relisten queue, listen queue of socket 3 full", True),
        ("the queue overflows, listen queue of socket 3 full", True),
        ("Listen queue of socket 3 full", False),
    ],
)
def test_a_pattern_is_words_in_their_order_in_one_line(line: str, counts: bool) -> None:
    assert lines(line, QUEUE) == counts


@pytest.mark.parametrize(
    "line",
    [
        "2026-11-26 12:00:00 INFO  [main] retrying after java.lang.OutOfMemoryError",
        "[debug] java.lang.OutOfMemoryError",
        "[\x1b[37minfo\x1b[0m] java.lang.OutOfMemoryError",
        "2026-11-26 12:00:00.1 [info] <0.1.0> java.lang.OutOfMemoryError",
        '{"msg":"java.lang.OutOfMemoryError","level":"info"}',
        '{"level":30,"msg":"java.lang.OutOfMemoryError"}',
        '{"t":{"$date":"x"},"s":"I","msg":"java.lang.OutOfMemoryError"}',
        'ts=1 level=debug msg="java.lang.OutOfMemoryError"',
        "I1126 12:00:00.000001       1 main.go:1] java.lang.OutOfMemoryError",
        "DEBUG:root:java.lang.OutOfMemoryError",
    ],
)
def test_a_line_that_says_that_it_is_information_is_not_counted(line: str) -> None:
    assert lines(line) == 0


@pytest.mark.parametrize(
    "line",
    [
        "java.lang.OutOfMemoryError: Java heap space",
        "Caused by: java.lang.OutOfMemoryError INFO",
        "ERROR java.lang.OutOfMemoryError while at INFO",
        "2026/11/26 12:00:00 [error] 31#31: *1 java.lang.OutOfMemoryError",
        '{"level":"error","msg":"INFO java.lang.OutOfMemoryError"}',
        "WARN information about java.lang.OutOfMemoryError",
        "E1126 12:00:00.000001       1 main.go:1] java.lang.OutOfMemoryError",
        "[warning] java.lang.OutOfMemoryError [info]",
        "GET /info java.lang.OutOfMemoryError",
    ],
)
def test_a_line_of_another_level_or_of_none_is_counted(line: str) -> None:
    assert lines(line) == 1


@pytest.mark.parametrize(
    ("body", "counted"),
    [
        (b"", 0),
        (b"\n\n", 0),
        (b"\xff\xfe\x00java.lang.OutOfMemoryError\x80\n\xff", 1),
        (b"\x1b[31mjava.lang.\x1b[1mOutOfMemoryError\x1b[0m", 1),
        (b"x" * (LONGEST_LINE - 28) + b" java.lang.OutOfMemoryError!", 1),
        (b"x" * (LONGEST_LINE - 25) + b" java.lang.OutOfMemoryError", 0),
        (b"x" * 2_000_000 + b" java.lang.OutOfMemoryError\njava.lang.OutOfMemoryError", 1),
        (b" java.lang.OutOfMemoryError" * 100_000, 1),
        (b"java.lang.OutOfMemoryError\r\njava.lang.OutOfMemoryError\r\n", 2),
    ],
)
def test_whatever_bytes_come_are_searched_line_by_line(body: bytes, counted: int) -> None:
    assert lines(body) == counted


# What is kept


@pytest.mark.parametrize(
    "line",
    [
        "java.lang.OutOfMemoryError password=hunter2",
        "java.lang.OutOfMemoryError at postgres://ada:hunter2@db:5432/x",
        "Authorization: Bearer hunter2HUNTER2 java.lang.OutOfMemoryError",
        "pass\x1b[0mword=hunter2 java.lang.OutOfMemoryError",
        "x " * 1500 + "password=hunter2 java.lang.OutOfMemoryError",
        "x " * 200 + "java.lang.OutOfMemoryError " + "y " * 50 + "password=hunter2",
        "java.lang.OutOfMemoryError for user hunter2@example.com",
    ],
)
def test_no_secret_is_in_a_sample(line: str) -> None:
    assert "hunter2" not in sample(line).lower()
    assert sample(line), "that something was said is kept"


def test_a_sample_is_short_and_shows_the_words() -> None:
    long = sample("x " * 300 + "java.lang.OutOfMemoryError: heap " + "y " * 300)

    assert long.startswith("…x x ")
    assert long.endswith(" y y…")
    assert "java.lang.OutOfMemoryError: heap" in long
    assert len(long) == 302
    assert (
        sample("\x1b[31mfatal\x1b[0m\tjava.lang.OutOfMemoryError\u202e\n")
        == "fatal java.lang.OutOfMemoryError"
    )


# What is shipped


def test_every_shipped_signature_says_cause_remedy_and_source() -> None:
    ids = [each.id for each in shipped()]

    assert len(ids) == len(set(ids)) >= 30
    assert not [each.id for each in shipped() if not (each.remedy and each.source)]
    assert {service for each in shipped() for service in each.services or ()} < set(SERVICES)


LINES = {
    "java-out-of-memory": "java.lang.OutOfMemoryError: unable to create native thread",
    "memory-refused": "MemoryError",
    "too-many-open-files": "accept4(): Too many open files",
    "no-space-left": "write /data/x: no space left on device",
    "read-only-file-system": "open '/data/x': Read-only file system",
    "connection-refused": "dial tcp 10.0.0.1:5672: connect: connection refused",
    "name-not-resolved": "dial tcp: lookup db on 10.0.0.10:53: no such host",
    "certificate-expired": "x509: certificate has expired or is not yet valid: current time is",
    "certificate-not-trusted": "SunCertPathBuilderException: unable to find valid certification path "
    "to requested target",
    "mongodb-no-server": "com.mongodb.MongoTimeoutException: Timed out after 30000 ms while waiting for",
    "mongodb-no-primary": "Command failed with error 10107 (NotWritablePrimary): 'not primary'",
    "mongodb-storage": '{"s":"E","c":"STORAGE","msg":"WiredTiger error","attr":{"message":"WT_PANIC"}}',
    "rabbitmq-connection-closed": "com.rabbitmq.client.AlreadyClosedException: connection is already closed",
    "rabbitmq-alarm": "2026-11-26 [warning] <0.375.0> disk resource limit alarm set on node rabbit@a.",
    "rabbitmq-partition": "Mnesia(rabbit@a): ** ERROR ** mnesia_event got {inconsistent_database, "
    "running_partitioned_network, rabbit@b}",
    "keycloak-database": "ERROR [org.hib] (x) Acquisition timeout while waiting for new connection",
    "keycloak-ldap": "ERROR [org.keycloak] (x) Could not query server using DN [ou=users] and filter [x]",
    "keycloak-saml-signature": 'WARN  [org.keycloak.events] (x) type="IDENTITY_PROVIDER_LOGIN_ERROR", '
    'error="invalid_signature"',
    "nginx-upstream-timeout": "2026/11/26 [error] 31#31: *1 upstream timed out (110: Connection timed out)",
    "nginx-no-upstream": "[error] 1#1: *4183 no live upstreams while connecting to upstream, client: x",
    "envoy-upstream": "upstream connect error or disconnect/reset before headers. reset reason: x",
    "postgresql-connections": "FATAL:  sorry, too many clients already",
    "vault-sealed": "Error making API request. Code: 503. Errors: * Vault is sealed",
    "kubernetes-forbidden": 'pods is forbidden: User "system:serviceaccount:a:b" cannot list resource "pods"',
    "kubernetes-throttled": "the server has received too many requests and has asked us to try again later",
    "s3-slow-down": "(SlowDown) when calling the PutObject operation: Please reduce your request rate.",
    "s3-access-denied": "ClientError: An error occurred (AccessDenied) when calling the GetObject operation",
    "aws-token-expired": "An error occurred (ExpiredToken) when calling the ListObjectsV2 operation",
    "uwsgi-queue-full": '*** uWSGI listen queue of socket ":8019" (fd: 3) full !!! (101/100) ***',
    "uwsgi-harakiri": "*** HARAKIRI ON WORKER 13 (pid: 21576, try: 1) ***",
    "fluentd-buffer-full": '[warn]: BufferOverflowError error="buffer space has too many data"',
    "fluent-bit-chunk-lost": "[error] [engine] chunk '1-17.flb' cannot be retried: task_id=0, input=tail.0",
    "grafana-database-locked": "level=error msg=x error=database is locked",
}
"""As the software writes them."""


@pytest.mark.parametrize("signature", shipped(), ids=lambda each: each.id)
def test_each_shipped_signature_finds_its_line_alone(signature: Signature) -> None:
    found = [fault.id for fault in count(LINES[signature.id].encode(), shipped())]

    assert found == [signature.id]


# What a profile may say


def logs(text: str, directory: Path) -> Logs:
    section = profile(f"version: 1\nlogs: {text}\n", directory).logs
    assert section is not None
    return section


def test_a_profile_adds_signatures_and_leaves_out_shipped_ones(tmp_path: Path) -> None:
    own = "signatures: [{id: licence, patterns: [licence of * has expired], cause: expired}]"
    section = logs(f"{{{own}, ignore: [connection-refused]}}", tmp_path)

    ids = [each.id for each in section.searched()]
    assert ids == [each.id for each in shipped() if each.id != "connection-refused"] + ["licence"]
    assert section.window.total_seconds() == 900


OWN = "logs: {{signatures: [{{id: {id}, patterns: [{pattern}], cause: x{more}}}]}}"


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        (
            OWN.format(id="a", pattern="error", more=""),
            "logs.signatures[0].patterns[0]",
            "is too common: write at least 6 letters in a row that stand in the line as they are (* is any "
            "text; nothing else is special)",
        ),
        (
            OWN.format(id="a", pattern="err*or*none", more=""),
            "logs.signatures[0].patterns[0]",
            "is too common",
        ),
        (
            OWN.format(id="a", pattern="'*failed'", more=""),
            "logs.signatures[0].patterns[0]",
            "begins or ends with a space or *, which goes without saying; remove it",
        ),
        (
            OWN.format(id="a", pattern="'a failure '", more=""),
            "logs.signatures[0].patterns[0]",
            "begins or ends",
        ),
        (
            OWN.format(id="a", pattern='"two\\nlines"', more=""),
            "logs.signatures[0].patterns[0]",
            "must be text of a line, of at most 200 characters",
        ),
        (
            OWN.format(id="a", pattern="x" * 201, more=""),
            "logs.signatures[0].patterns[0]",
            "must be text of a line",
        ),
        *(
            (
                OWN.format(id="a", pattern=f"'{pattern}'", more=""),
                "logs.signatures[0].patterns[0]",
                f"looks like a regular expression ({sign}), and would never be found: * is any text, ",
            )
            for pattern, sign in (
                ("connection.*refused", ".*"),
                ("refused after \\d+ tries", "\\d"),
                ("^ERROR failed", "^"),
                ("has failed$", "$"),
                ("node [0-9]+ has failed", "[0-9"),
                ("(read|write) failed", "(read|write)"),
                ("(?i)has failed", "(?"),
                ("domino\\.example has failed", "\\."),
            )
        ),
        (
            OWN.format(id="a", pattern="has failed", more=", example: the job failed"),
            "logs.signatures[0]",
            "a: no pattern finds its example: 'the job failed'",
        ),
        (
            OWN.format(id="a", pattern="has failed", more=", example: the job HAS FAILED"),
            "logs.signatures[0]",
            "a: no pattern finds its example: 'the job HAS FAILED'; capitals count",
        ),
        (
            OWN.format(id="Disk Full", pattern="failed", more=""),
            "logs.signatures[0].id",
            "must be of lowercase letters, digits and single dashes, such as disk-full",
        ),
        (
            OWN.format(id="vault-sealed", pattern="failed", more=""),
            "logs.signatures[0]",
            "vault-sealed is the suite's; choose another id, and name it in ignore to replace it",
        ),
        (
            OWN.format(id="a", pattern="failed", more=", services: [frontend]"),
            "logs.signatures[0].services[0]",
            "no such service; did you mean front_end?",
        ),
        (
            OWN.format(id="a", pattern="failed", more=", severity: high"),
            "logs.signatures[0].severity",
            "must be",
        ),
        (OWN.format(id="a", pattern="failed", more=", allowed: -1"), "logs.signatures[0].allowed", ""),
        (
            "logs: {ignore: [vault-seal]}",
            "logs.ignore[0]",
            "the suite has no such signature; did you mean vault-sealed?",
        ),
        ("logs: {window: 2d}", "logs.window", "must be 1s to 1d"),
        ("logs: {window: 500ms}", "logs.window", "must be 1s to 1d"),
    ],
)
def test_a_bad_signature_is_refused_with_its_place(text: str, place: str, said: str, tmp_path: Path) -> None:
    ((line, path, message),) = mistakes(f"version: 1\n{text}\n", tmp_path)

    assert (line, path) == (2, place)
    assert message.startswith(said), message


@pytest.mark.parametrize(
    "pattern",
    ["[pool-1] (exit 137) failed", "cost $5 failed", "a|b has failed", "C:\\\\temp is full", "f() failed?"],
)
def test_signs_that_stand_in_logs_are_taken_as_they_are(pattern: str, tmp_path: Path) -> None:
    section = logs(
        f'{{signatures: [{{id: a, patterns: ["{pattern}"], cause: x, example: "{pattern}"}}]}}', tmp_path
    )

    assert [each.id for each in section.searched()][-1] == "a"


def test_the_shortest_pattern_and_the_longest_window_are_taken(tmp_path: Path) -> None:
    section = logs("{window: 1d, signatures: [{id: a, patterns: [broken], cause: x}]}", tmp_path)

    assert section.window.days == 1
