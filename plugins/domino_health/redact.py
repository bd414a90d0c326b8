"""Takes secrets out of whatever is shown."""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 4
"""Characters. What is shorter is no secret, and to mask it would make holes in every report."""
_SHORTEST_FRAGMENT = 8
"""Characters of base64: less would be found by chance in fingerprints and tokens of others."""


class Redactor:
    """Replaces known secret values, wherever they turn up: in an error message, a traceback, a URL."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # Longest first, so that a secret which contains another one is taken out whole.
        self._forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)

    def __repr__(self) -> str:
        return "Redactor()"

    def scrub(self, text: str) -> str:
        """``text`` with every secret replaced by ``***``."""
        for form in self._forms:  # one by one: faster on large texts than one pattern of all
            text = text.replace(form, MASK)
        return text


def _forms(secret: str) -> Iterator[str]:
    """A secret as messages may quote it."""
    if len(secret.strip()) < SHORTEST:
        return
    for part in (secret, secret.strip(), *_lines(secret)):
        content = _bytes(part)
        quoted = {
            part,
            repr(part)[1:-1],
            repr(content)[2:-1],
            quote(content, safe=""),
            quote(content),
            quote_plus(content),
            html.escape(part),
            html.escape(part, quote=False),
        }
        for form in quoted:
            yield form
            yield json.dumps(form)[1:-1]
            yield json.dumps(form, ensure_ascii=False)[1:-1]
    yield from _base64(_bytes(secret))


def _lines(secret: str) -> Iterator[str]:
    """The lines of a key or a key file, but for those that are not its own: ``}``."""
    for line in map(str.strip, secret.splitlines()):
        if sum(map(str.isalnum, line)) >= SHORTEST:
            yield line


def _base64(content: bytes) -> Iterator[str]:
    """Alone, and inside of something longer: ``Basic`` is the base64 of ``user:password``."""
    encoded = [base64.b64encode(content).decode()]
    for before in range(3):
        whole = base64.b64encode(bytes(before) + content).decode()
        # Only the letters that all their bits have from the secret.
        fragment = whole[(before * 8 + 5) // 6 : (before + len(content)) * 8 // 6]
        if len(fragment) >= _SHORTEST_FRAGMENT:
            encoded.append(fragment)
    for form in encoded:
        yield form
        yield form.translate(str.maketrans("+/", "-_"))


def _bytes(text: str) -> bytes:
    """As they were: the environment may hold bytes that are no text, which Python gives as surrogates."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")


def hide(text: str) -> str:
    """``text`` without what looks like a secret or names a person: for what strangers write, logs above all.

    It rather hides too much: a line with holes still says what has failed. It cannot know every secret.
    Escapes and characters that are not shown must have been taken out before.
    """
    return "\n".join(_hide(line) for line in _KEY_BLOCK.sub(MASK, text).splitlines())


MOST_HIDDEN = 2000
"""Characters of a line that are looked at. The rest is left out, for it was not."""
_VALUE = r"""(?:\\+"(?:(?!\\+").)*(?:\\+")?|"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?|\S+)"""
_HIDDEN_KEY = (
    r"(?:pass|pwd|secret|token|api[_.-]?key|access[_.-]?key|account[_.-]?key|private[_.-]?key|credential|session"
    r"|cookie|auth|signature|(?<![a-z])sig(?![a-z])|(?<![a-z])key(?![a-z])|dsn|conn(?:ection)?[_.-]?str)"
)
_PERSON_KEY = (
    r"(?:user|login|owner|e-?mail|principal|subject|actor|(?<![a-z])uid(?![a-z])"
    r"|(?:full|first|last)[_.-]?name)"
)
_IS = r"""[\\"']*\s*(?:=>|:=|[:=])\s*"""
_NO_STATE = (
    r"(?!(?:not|no|in|un|too|a|an|the|now|being|expired|missing|required|empty|null|none|wrong|weak|blank|rejected"
    r"|refused|denied|revoked|set|valid)\b|(?:in|un)[a-z]+(?![\w]))"
)
"""What is said of a password without telling it: that it is wrong, or invalid."""
_LOG_QUERY = "container|previous|tailLines|limitBytes|sinceSeconds"
_FOLDERS = "data|code|artifacts|imported|results|pvc|disks|nfs|efs|blobfuse"
"""What is below /mnt in an execution and is nobody's name (Domino's docs, projects), or is usual on nodes."""
# A key may begin in what was cut off: its block ends where the text does, or began before it.
_KEY_BLOCK = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*?(?:-----END [A-Z0-9 ]*-----|\Z)"
    r"|\A(?:(?!-----BEGIN).)*-----END [A-Z0-9 ]*PRIVATE KEY-----",
    re.DOTALL,
)
_LIKELY = (
    # The password in front of a host may hold slashes and at-signs itself.
    (re.compile(r"(?<=://)[^\s\"'<>]*@"), f"{MASK}@"),
    (
        re.compile(
            r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]*(?:key|token))\b([\\\"']*\s*[:=]).*"
        ),
        rf"\1\2 {MASK}",
    ),
    (re.compile(r"(?i)\b(pass(?:word|phrase|wd)?)\s*:\s+(?![\"'\\]).*"), rf"\1: {MASK}"),
    (
        re.compile(rf"(?i)((?:{_HIDDEN_KEY}|{_PERSON_KEY})[\w.-]{{0,40}}{_IS}){_VALUE}"),
        rf"\1{MASK}",
    ),
    (
        re.compile(rf"(?i)(?<!\S)(--?[\w-]{{0,40}}(?:{_HIDDEN_KEY}|user)[\w-]{{0,40}}[ =])\s*{_VALUE}"),
        rf"\1{MASK}",
    ),
    (
        re.compile(rf"(?i)\b(pass(?:word|phrase|wd)?|token)\s+(?:is|was)\s+{_NO_STATE}\S+"),
        rf"\1 {MASK}",
    ),
    (re.compile(r"(?i)\b(passwd)\s+(?![:=]|(?:for|entry|file)\b)\S+"), rf"\1 {MASK}"),
    # What the suite asks the API server for itself is no secret, and tells what failed.
    (
        re.compile(rf"([?&](?!(?:{_LOG_QUERY})=)[\w.%\[\]-]{{1,60}}=)[^&\s\"'<>]+"),
        rf"\1{MASK}",
    ),
    (re.compile(r"\b((?i:bearer|basic|negotiate|digest))\s+(?=\S*[\dA-Z=])\S{6,}"), rf"\1 {MASK}"),
    (
        re.compile(r"(?i)\b(user(?:name)?|login|owner|account|role)(\s+)([\"'`])[^\"'`]*[\"'`]?"),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"(?i)\b((?:for|by|as) (?:invalid )?user(?:name)?)\s+\S+"), rf"\1 {MASK}"),
    (re.compile(r"(?i)([/\\](?:home|users)[/\\]+)[^/\\\s:\"']+"), rf"\1{MASK}"),
    # Domino's own places: a project's address, its folder in an execution, and datasets of others.
    (re.compile(r"(/u/)[^/\s:\"'?#]+"), rf"\1{MASK}"),
    (re.compile(rf"(/mnt/)(?!(?:{_FOLDERS})(?![\w.-]))[^/\s:\"']+"), rf"\1{MASK}"),
    (re.compile(r"(/domino/datasets/(?:local/)?)(?!local\b)[^/\s:\"']+"), rf"\1{MASK}"),
    # A name may hold spaces where the next part of its DN tells its end.
    (
        re.compile(
            r"(?i)\b((?:cn|sn|uid|mail|samaccountname|givenname|displayname)=)(?:[^,;()\"'=]{1,80}(?=,)|[^,;()\s]+)"
        ),
        rf"\1{MASK}",
    ),
    (
        re.compile(
            r"(?i)\b((?:started|stopped|created|deleted|launched|submitted|requested|triggered|cancell?ed|approved|"
            r"published|owned|run) by)\s+(?:the )?(?:user )?\S+"
        ),
        rf"\1 {MASK}",
    ),
    (re.compile(r"[\w.+%'-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63})*"), MASK),
    (re.compile(r"\beyJ[\w-]{6,}(?:\.[\w-]*){0,2}"), MASK),
    (
        re.compile(
            r"\b(?:(?:AKIA|ASIA)[A-Z0-9]{12,}|gh[pousr]_\w{10,}|github_pat_\w+|glpat-[\w-]+|xox[a-z]-[\w-]+"
            r"|sk-[\w-]{12,}|hv[sbr]\.[\w-]+|AIza[\w-]{20,}|npm_\w{20,}|pypi-[\w-]{20,}|SG\.[\w.-]{20,})"
        ),
        MASK,
    ),
    (re.compile(r"(?<![\w+=-])(?=[\w+=-]*\d)(?=[\w+=-]*[A-Za-z])[\w+=-]{32,}"), MASK),
    (re.compile(r"(?<![\w+/=])(?=[\w+/=]*\d)(?=[\w+/=]*[a-z])(?=[\w+/=]*[A-Z])[A-Za-z0-9+/=]{40,}"), MASK),
)


def _hide(line: str) -> str:
    if len(line) > MOST_HIDDEN:  # the last word may be half a secret, which is not recognised
        line = f"{line[:MOST_HIDDEN].rpartition(' ')[0]} …"
    for pattern, mask in _LIKELY:
        line = pattern.sub(mask, line)
    return line
