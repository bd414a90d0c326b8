"""Why an image build failed, told from Hephaestus' and BuildKit's words: whose it is, and what to do."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from checks.certificates import when
from domino_health import TlsSecret

HEAD, TAIL = 100, 200
"""Characters of long words that are quoted: Go's errors say what was tried first, and why it failed last."""
SEVERAL = 3
IN_DOCKERFILE = "see the build's log, and mend the Dockerfile"


@dataclass(frozen=True)
class Cause:
    """Why a build failed."""

    why: str
    hint: str = ""
    """What to do, or where to look."""
    users: bool = False
    """It is of the image's own making: whoever wrote its Dockerfile can mend it."""
    certificate: bool = False


UNKNOWN = Cause("for a reason that these words do not tell", "see the build's log, and Hephaestus'")
# Words and what they mean; the first that matches, so that the surer ones come first. Hephaestus' own are
# those of its pkg/controller and pkg/buildkit, the others are BuildKit's and containerd's.
CAUSES = (
    (
        r"did not complete successfully: exit code: 137|an instruction: exit code: 137",
        Cause(
            "an instruction of the Dockerfile was killed, most likely for memory",
            "see whether the builder (hephaestus-buildkit) reaches its limit of memory",
        ),
    ),
    (
        r"did not complete successfully: exit code|an instruction: exit code",
        Cause("an instruction of the Dockerfile failed", IN_DOCKERFILE, users=True),
    ),
    (
        r"dockerfile parse error|unknown instruction|failed to parse|base name .* should not be blank"
        r"|requires a Dockerfile|the Dockerfile cannot be empty|invalid reference format",
        Cause("its Dockerfile cannot be read", IN_DOCKERFILE, users=True),
    ),
    (
        r"buildkitd.*(?:x509|certificate|tls:)",
        Cause("Hephaestus and its builder do not trust each other's certificates", certificate=True),
    ),
    (
        r"x509|tls: ",
        Cause(
            "a certificate is not trusted: a registry's, or a download's",
            "give the builder the CA of what it talks to",
            certificate=True,
        ),
    ),
    (
        r"no space left",
        Cause(
            "the builder's disk is full",
            "enlarge the builder's volume, or lower what BuildKit keeps (its garbage collection)",
        ),
    ),
    (
        r"failed to extract hostname|buildkit service lookup failed|AutoscalingPool closed",
        Cause(
            "no builder became ready",
            "see the pods of hephaestus-buildkit: no node with room, an image or a volume that does not come",
        ),
    ),
    (
        r"contact buildkitd|create buildkit client",
        Cause("its builder does not answer", "see the pods of hephaestus-buildkit, and network policies"),
    ),
    (
        r"build not running",
        Cause("Hephaestus was started anew while it built", "see why (SCHED-008), and build it again"),
    ),
    (
        r"cannot fetch remote context|file download failed|invalid build context",
        Cause("what it is built of could not be fetched from Domino", "see nucleus-frontend and its storage"),
    ),
    (
        r"cluster secrets processing failed",
        Cause(
            "a Secret that it asks for cannot be read", "see that it is there, with its label for Hephaestus"
        ),
    ),
    (
        r"toomanyrequests|too many requests|\b429\b|rate limit",
        Cause("a registry limits how often it is asked", "log in to it, or mirror the base images"),
    ),
    (
        r"credentials are invalid|credentials processing failed|failed to authorize|unauthorized|denied"
        r"|forbidden|insufficient_scope|authentication required|authorization|\b40[13]\b",
        Cause(
            "a registry refuses: no right to pull the base or to push the image, or no such repository",
            "see the registry's credentials that Domino gives to its builds",
        ),
    ),
    (
        r"failed to push",
        Cause("the image could not be pushed", "see the registry: its log, its storage"),
    ),
    (
        r"no such host|server misbehaving|time(?:d )?out|refused|unreachable|deadline exceeded|reset by peer"
        r"|\bEOF\b|Unavailable|transport|context canceled|\b50[0234]\b",
        Cause(
            "the network, a registry, or its builder broke off",
            "see whether the builder was put out of its node (SCHED-002), and whether the registry answers",
        ),
    ),
    (
        r"not found|cache key|manifest unknown|does not exist",
        Cause("what its Dockerfile names is not there: a base image, a file", IN_DOCKERFILE, users=True),
    ),
)
_CAUSES = tuple((re.compile(words, re.IGNORECASE), cause) for words, cause in CAUSES)


def cause_of(said: str) -> Cause:
    """What the words of a failed build mean."""
    return next((cause for words, cause in _CAUSES if words.search(said)), UNKNOWN)


def quoted(said: str) -> str:
    """Words of bounded length: their beginning and their end."""
    if len(said) <= HEAD + TAIL:
        return said or "nothing"
    return f"{said[:HEAD]} … {said[-TAIL:]}"


def of_certificates(secrets: Sequence[TlsSecret] | None, cluster: str, now: datetime) -> str:
    """What is known of the certificates of Hephaestus in a cluster, and where to look on."""
    known = [each for each in secrets or () if each.cluster == cluster and "hephaestus" in each.name]
    if not known:
        return (
            "its CA lives 210 days: name its Secrets (hephaestus-root-tls, hephaestus-buildkit-client-tls, "
            "hephaestus-buildkit-server-tls) in the profile's clusters[].secrets, and IDP-008 says whether "
            "they fit"
        )
    wrong = [f"{each.name}: {words}" for each in known if (words := _wrong(each, now))]
    if wrong:
        more = f"; and {len(wrong) - SEVERAL} more" if len(wrong) > SEVERAL else ""
        return f"IDP-008 knows why: {'; '.join(wrong[:SEVERAL])}{more}"
    names = ", ".join(sorted(each.name for each in known))
    return (
        f"the Secrets that the profile names fit ({names}, IDP-008): what was started before they were "
        "issued has the old ones still, so restart Hephaestus; or it is a registry's certificate"
    )


def _wrong(secret: TlsSecret, now: datetime) -> str:
    """What keeps a Secret's certificate from being trusted now."""
    ended = (f"its {key} {when(each.not_after, now)}" for key, each in secret.named if each.not_after <= now)
    return secret.problem or (secret.mismatch and "not issued by its ca.crt") or next(ended, "")
