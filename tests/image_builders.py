"""Facts about images for unit tests: their builds. All is ordinary but what is named."""

from datetime import timedelta

from builders import NOW
from domino_health import ImageBuild
from domino_health.facts.builds import BuildCondition, BuildMeta, BuildSpec, BuildStatus, Transition

ENVIRONMENT = "5f0c0ffee05f0c0ffee05f0c"
IMAGE = f"docker-registry:5000/dominodatalab/environment:{ENVIRONMENT}-3"
STEP = timedelta(seconds=20)
"""That a build takes to get its builder."""


def build(
    name: str = "build-1",
    phase: str = "Succeeded",
    *images: str,
    ago: timedelta = timedelta(hours=1),
    lasts: timedelta = timedelta(minutes=5),
    failed: str = "",
    deleted: bool = False,
    size: str = "",
    cluster: str = "prod",
) -> ImageBuild:
    """A build that was made ``ago`` and was given its builder at once.

    One that has ended was built for ``lasts``; ``failed`` is Hephaestus' word of why it failed.
    """
    made = NOW - ago
    phases = [("Initializing", made)] if phase else []
    if phase not in ("", "Initializing"):
        phases.append(("Running", made + STEP))
    if phase in ("Succeeded", "Failed"):
        phases.append((phase, made + STEP + lasts))
    good = phase == "Succeeded"
    said = BuildCondition("ImageReady", "True" if good else "False" if failed else "Unknown", message=failed)
    return ImageBuild(
        BuildMeta(name, "domino-compute", made, NOW if deleted else None),
        BuildSpec(images or (IMAGE,)),
        BuildStatus(
            phase=phase,
            allocation_time="20s" if len(phases) > 1 else "",
            build_time=f"{lasts.total_seconds():g}s" if good else "",
            builder_addr="tcp://hephaestus-buildkit-0.hephaestus-buildkit:1234" if len(phases) > 1 else "",
            compressed_image_size_bytes=size,
            conditions=(said,),
            transitions=tuple(Transition(*each) for each in phases),
        ),
        cluster,
    )
