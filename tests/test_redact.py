"""No secret is shown, in whatever form it turns up."""

import base64
import html
import json
import traceback
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode

import msgspec
import pytest
import yaml

from domino_health.redact import MASK, Redactor

PASSWORD = 'p4ss/wörd "&<\\>+%é='
# No key; put together here, because hooks that look for keys believe the first line.
PEM = f"""\
-----BEGIN {"PRIVATE"} KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQ
FAASCBKcwggSjAgEAAoIBAQDE
-----END {"PRIVATE"} KEY-----
"""
SERVICE_ACCOUNT = json.dumps({"type": "service_account", "private_key": PEM, "nested": {"a": 1}}, indent=2)


def test_a_secret_is_masked_wherever_it_stands() -> None:
    redactor = Redactor(["s3cr3t-token"])

    assert redactor.scrub("Bearer s3cr3t-token, s3cr3t-token.") == f"Bearer {MASK}, {MASK}."


def test_what_is_no_secret_stays_as_it_is() -> None:
    text = "GET /api/v1/pods: 403 forbidden\n\ttab, é and \x1b"

    assert Redactor(["s3cr3t-token"]).scrub(text) == text


@pytest.mark.parametrize("secrets", [[], [""], [" "], ["\n"], ["", "\t \n"]])
def test_without_secrets_nothing_is_masked(secrets: list[str]) -> None:
    assert Redactor(secrets).scrub("a b\nc") == "a b\nc"


@pytest.mark.parametrize("secrets", [["token", "token-with-more"], ["token-with-more", "token"]])
def test_of_two_secrets_the_longer_one_is_masked_whole(secrets: list[str]) -> None:
    assert Redactor(secrets).scrub("token-with-more, token") == f"{MASK}, {MASK}"


def test_a_secret_is_text_and_no_pattern() -> None:
    redactor = Redactor(["a.b*c(d", "$^[x]"])

    assert redactor.scrub("a.b*c(d aXbbc(d $^[x] x") == f"{MASK} aXbbc(d {MASK} x"


def test_the_mask_is_no_secret_of_its_own() -> None:
    redactor = Redactor(["****secret****", "s3cr3t-token"])

    once = redactor.scrub("s3cr3t-token")

    assert redactor.scrub(once) == once == MASK


def test_a_redactor_shows_nothing_of_its_secrets() -> None:
    redactor = Redactor(["s3cr3t-token"])

    assert "s3cr3t" not in repr(redactor)
    assert "s3cr3t" not in str(redactor)


FORMS: dict[str, Callable[[str], str]] = {
    "plain": lambda secret: secret,
    "JSON": json.dumps,
    "JSON, letters kept": lambda secret: json.dumps(secret, ensure_ascii=False),
    "our own JSON": lambda secret: msgspec.json.encode({"x": secret}).decode(),
    "repr": repr,
    "repr of bytes": lambda secret: repr(secret.encode()),
    "URL": lambda secret: quote(secret, safe=""),
    "URL, slashes kept": quote,
    "form": quote_plus,
    "query": lambda secret: urlencode({"password": secret}),
    "HTML": html.escape,
    "HTML, quotes kept": lambda secret: html.escape(secret, quote=False),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
    "JSON of repr": lambda secret: json.dumps({"reason": repr(secret)}),
    "JSON of HTML": lambda secret: json.dumps({"reason": html.escape(secret)}),
    "traceback": lambda secret: "".join(traceback.format_exception(ValueError(secret))),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", [PASSWORD, "plain-token-1", "ключ\x1b\x7f\t", "ends with a newline\n"])
def test_a_secret_is_masked_in_every_form_that_a_message_may_give_it(form: str, secret: str) -> None:
    shown = FORMS[form](secret)

    scrubbed = Redactor([secret]).scrub(f"before {shown} after")

    assert MASK in scrubbed
    assert shown not in scrubbed
    assert secret.strip() not in scrubbed
    assert scrubbed.startswith("before ")
    assert scrubbed.endswith(" after")


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "admin", "svc-health@example.com"])
@pytest.mark.parametrize("password", ["correct horse", PASSWORD, "twelve-chars"])
def test_a_password_is_masked_in_a_basic_authorization_whoever_the_user(user: str, password: str) -> None:
    pair = f"{user}:{password}".encode()
    header = f"Authorization: Basic {base64.b64encode(pair).decode()}"

    scrubbed = Redactor([password]).scrub(header)

    left = scrubbed.removeprefix("Authorization: Basic ").partition(MASK)
    assert left[1] == MASK
    shown = base64.b64decode(left[0] + "=" * (-len(left[0]) % 4)) + left[2].encode()
    assert password[2:-2].encode() not in shown
    assert len(left[2]) <= 4, "of what follows, padding and one shared letter at most"


def test_a_secret_of_several_lines_is_masked_line_by_line_as_well() -> None:
    redactor = Redactor([PEM])

    for line in PEM.splitlines():
        assert redactor.scrub(f"cannot read {line}: bad") == f"cannot read {MASK}: bad"
    assert redactor.scrub(PEM.replace("\n", "\r\n")).replace(MASK, "").strip() == ""
    assert "MII" not in redactor.scrub(" ".join(PEM.split()))


def test_a_key_file_in_json_is_masked_and_its_brackets_are_no_secrets() -> None:
    redactor = Redactor([SERVICE_ACCOUNT])
    ours = json.dumps({"results": [{"id": "SCHED-001", "a": 1}]}, indent=2)

    assert redactor.scrub(ours) == ours
    assert "MII" not in redactor.scrub(f"cannot parse {SERVICE_ACCOUNT!r}")
    assert "MII" not in redactor.scrub(json.dumps({"text": SERVICE_ACCOUNT}))
    assert "MII" not in redactor.scrub(SERVICE_ACCOUNT.replace("\n  ", "\n"))


@pytest.mark.parametrize("secret", ["1", "}", '"', "a", "on", "443"])
def test_a_value_too_short_to_be_a_secret_does_not_destroy_what_is_written(secret: str) -> None:
    ours = json.dumps({"format": 1, "port": 443, "on": "a"})

    assert json.loads(Redactor([secret]).scrub(ours)) == json.loads(ours)


def test_a_secret_of_four_letters_is_one() -> None:
    assert Redactor(["abcd"]).scrub("xabcdx") == f"x{MASK}x"


@pytest.mark.parametrize("secret", ["token-\udcff\udc80-end", "token-\ud800-end"])
def test_a_secret_that_is_no_text_is_masked_all_the_same(secret: str) -> None:
    """The environment may hold any bytes; Python gives them as lone surrogates."""
    redactor = Redactor([secret])

    assert redactor.scrub(f"got {secret}") == f"got {MASK}"
    assert redactor.scrub(f"got {secret!r}") == f"got '{MASK}'"


def test_masked_json_is_still_json_and_masked_yaml_still_yaml() -> None:
    data = {"reason": f"refused {PASSWORD} and {PEM}", "list": [PASSWORD]}
    redactor = Redactor([PASSWORD, PEM])

    masked = json.loads(redactor.scrub(msgspec.json.encode(data).decode()))

    assert masked["list"] == [MASK]
    assert PASSWORD not in masked["reason"]
    assert "MII" not in masked["reason"]
    assert yaml.safe_load(redactor.scrub(yaml.safe_dump({"token": "plain"}))) == {"token": "plain"}


def test_many_secrets_and_a_long_text_are_masked_in_reasonable_time() -> None:
    secrets = [f"secret-number-{number}" for number in range(200)]
    text = "nothing to see here, pods are fine. " * 20_000 + secrets[-1]

    assert Redactor(secrets).scrub(text).endswith(MASK)
