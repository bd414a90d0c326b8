"""Section ``domino``: its hardware tiers and its API, and what is said of mistakes in them."""

from pathlib import Path

import pytest

from domino_health.profile.tiers import Tier
from profile_texts import CA, mistakes, profile

HEAD = "version: 1\nclusters:\n  - name: prod\ndomino:\n"
SMALL = "id: small-k8s, node_pool: default, cpu: 1, memory: 4Gi"
NO_CPU = "not an amount of CPU; write cores or thousandths of one: 2, 0.5 or 500m"
NO_MEMORY = "not an amount of memory; write a number and its unit as Kubernetes does: 512Mi, 4Gi or 4G"
NO_LABEL = "must be what a label may hold: 1 to 63 letters, digits, '-', '_' and '.', no sign first or last"


def tiers(text: str, directory: Path) -> tuple[Tier, ...]:
    domino = profile(f"{HEAD}  hardware_tiers:\n{text}", directory).domino
    assert domino is not None
    return domino.hardware_tiers or ()


def test_a_tier_is_read_as_it_is_written(tmp_path: Path) -> None:
    text = f"""\
    - {{{SMALL}}}
    - id: gpu-k8s
      name: GPU / large
      node_pool: default-gpu
      cpu: 500m
      cpu_limit: 0.75
      memory: 1.5Gi
      memory_limit: 2G
      gpus: 1
      gpu_resource: amd.com/gpu
      max_executions: 3
"""
    small, gpu = tiers(text, tmp_path)

    assert (small.cpu, small.memory, small.cpu_limit, small.gpus, small.max_executions) == (
        "1", "4Gi", None, 0, None,
    )  # fmt: skip
    assert (gpu.cpu, gpu.cpu_limit, gpu.name, gpu.gpu_resource) == (
        "500m", "0.75", "GPU / large", "amd.com/gpu",
    )  # fmt: skip


@pytest.mark.parametrize("cpu", ["1", "0.5", "'2'", "1500m", "0.001", "96"])
def test_an_amount_of_cpu_may_be_a_number(cpu: str, tmp_path: Path) -> None:
    assert tiers(f"    - {{id: a, node_pool: b, cpu: {cpu}, memory: 4Gi}}\n", tmp_path)


@pytest.mark.parametrize(
    ("cpu", "message"),
    [
        ("0", NO_CPU),
        ("-1", NO_CPU),
        ("0.0", NO_CPU),
        ("0m", NO_CPU),
        ("4Gi", NO_CPU),
        ("1.5m", NO_CPU),
        ("two", NO_CPU),
        ("0.0001", NO_CPU),
        ("[1]", "must be text"),
        ("true", "must be text, but YAML reads it as true; quote it"),
    ],
)
def test_what_is_no_amount_of_cpu_is_told(cpu: str, message: str, tmp_path: Path) -> None:
    text = f"{HEAD}  hardware_tiers:\n    - {{id: a, node_pool: b, cpu: {cpu}, memory: 4Gi}}\n"

    assert mistakes(text, tmp_path) == [(6, "domino.hardware_tiers[0].cpu", message)]


@pytest.mark.parametrize("memory", ["4Gi", "4G", "512Mi", "1.5Gi", "4096M", "1Ti", "8388608Ki", "100000k"])
def test_memory_has_its_unit(memory: str, tmp_path: Path) -> None:
    assert tiers(f"    - {{id: a, node_pool: b, cpu: 1, memory: {memory}}}\n", tmp_path)


@pytest.mark.parametrize(
    "memory", ["4", "4.5", "4GiB", "4 Gi", "4GB", "0Gi", "4gi", "500m", "Gi", "-4Gi", "1Pi"]
)
def test_what_is_no_amount_of_memory_is_told(memory: str, tmp_path: Path) -> None:
    text = f"{HEAD}  hardware_tiers:\n    - {{id: a, node_pool: b, cpu: 1, memory: {memory}}}\n"

    assert mistakes(text, tmp_path) == [(6, "domino.hardware_tiers[0].memory", NO_MEMORY)]


def test_a_limit_may_be_what_is_asked_for_and_no_less(tmp_path: Path) -> None:
    tier = "id: a, node_pool: b, cpu: 1, memory: 4Gi"

    assert tiers(f"    - {{{tier}, cpu_limit: 1000m, memory_limit: 4096Mi}}\n", tmp_path)
    for limit, told in (
        ("cpu_limit: 999m", "cpu_limit 999m is less than cpu 1; Kubernetes refuses such a pod"),
        ("memory_limit: 4G", "memory_limit 4G is less than memory 4Gi; Kubernetes refuses such a pod"),
    ):
        found = mistakes(f"{HEAD}  hardware_tiers:\n    - {{{tier}, {limit}}}\n", tmp_path)
        assert found == [(6, "domino.hardware_tiers[0]", told)]


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("  hardware_tiers: []\n", "hardware_tiers", "is empty; name at least one, or remove it"),
        ("  hardware_tiers: [a]\n", "hardware_tiers[0]", "must be keys and values, such as `id: small-k8s`"),
        ("  hardware_tiers: [{id: a, node_pool: b, cpu: 1}]\n", "hardware_tiers[0]", "memory is missing"),
        (
            f"  hardware_tiers: [{{{SMALL}, gpu: 1}}]\n",
            "hardware_tiers[0].gpu",
            "unknown key; did you mean gpus?",
        ),
        (f"  hardware_tiers: [{{{SMALL}, gpus: -1}}]\n", "hardware_tiers[0].gpus", "must be greater than or"),
        (f"  hardware_tiers: [{{{SMALL}, gpus: 1.5}}]\n", "hardware_tiers[0].gpus", "must be a whole number"),
        (
            f"  hardware_tiers: [{{{SMALL}, gpu_resource: gpu}}]\n",
            "hardware_tiers[0].gpu_resource",
            "not a resource of Kubernetes'; write it as nodes do: nvidia.com/gpu",
        ),
        (
            f"  hardware_tiers: [{{{SMALL}, max_executions: 0}}]\n",
            "hardware_tiers[0].max_executions",
            "must be greater than or equal to 1",
        ),
        (
            f"  hardware_tiers: [{{{SMALL}}}, {{{SMALL}}}]\n",
            "hardware_tiers[1]",
            "two are called small-k8s, the first on line 5",
        ),
        (
            "  hardware_tiers: [{id: a b, node_pool: b, cpu: 1, memory: 4Gi}]\n",
            "hardware_tiers[0].id",
            NO_LABEL,
        ),
        (
            "  hardware_tiers: [{id: a, node_pool: -b, cpu: 1, memory: 4Gi}]\n",
            "hardware_tiers[0].node_pool",
            NO_LABEL,
        ),
        (
            "  hardware_tiers: [{id: '${HOME}', node_pool: b, cpu: 1, memory: 4Gi}]\n",
            "hardware_tiers[0].id",
            "a name stands in every report and cannot come from a reference",
        ),
        ("  max_executions_per_user: 0\n", "max_executions_per_user", "must be greater than or equal to 1"),
        ("  url: http://a\n", "url", "must begin with https://; a token is never sent in the clear"),
        ("  url: https://u:p@a\n", "url", "write https://host:port alone; a credential goes in token"),
        ("  url: https://a\n  token: abc\n", "token", "a secret must not stand in a profile; write ${NAME}"),
        ("  url: https://a\n  deadline: 30\n", "deadline", "not a duration: 30"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_its_cure(
    text: str, path: str, message: str, tmp_path: Path
) -> None:
    told = {where: said for _, where, said in mistakes(HEAD + text, tmp_path)}

    assert told[f"domino.{path}"].startswith(message)


def test_what_goes_with_an_address_needs_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "sesame")
    (tmp_path / "ca.pem").write_text(CA)

    for keys, told in (
        ("  token: ${TOKEN}\n", "token must have a url to go with: https://domino.example.com"),
        ("  api_key: ${TOKEN}\n", "api_key must have a url to go with: https://domino.example.com"),
        (
            "  token: ${TOKEN}\n  ca_file: ca.pem\n",
            "token and ca_file must have a url to go with: https://domino.example.com",
        ),
        (
            "  url: https://a\n  token: ${TOKEN}\n  api_key: ${TOKEN}\n",
            "gives a token and an api_key; keep one: the token, where Domino knows it",
        ),
    ):
        assert [said for _, _, said in mistakes(HEAD + keys, tmp_path)] == [told]


def test_an_address_may_stand_alone_and_with_one_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "sesame")
    (tmp_path / "ca.pem").write_text(CA)

    for keys in ("", "  token: ${TOKEN}\n", "  api_key: ${TOKEN}\n  ca_file: ca.pem\n  deadline: 5s\n"):
        domino = profile(f"{HEAD}  url: https://a.example.com\n{keys}", tmp_path).domino
        assert domino is not None
        assert domino.url == "https://a.example.com"
        assert "sesame" not in repr(domino.model_dump())
