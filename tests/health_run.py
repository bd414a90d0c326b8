"""Runs ``pytest --profile`` as a user does, in a process and a directory of its own, and reads its files."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class HealthRun:
    """One finished run."""

    exit_status: int
    output: str
    """Both streams."""
    folder: Path
    """``reports/<profile>/latest``."""

    @property
    def verdict(self) -> dict[str, Any]:
        """verdict.json."""
        loaded: dict[str, Any] = json.loads((self.folder / "verdict.json").read_text())
        return loaded

    def found(self) -> dict[str, list[str]]:
        """The findings of all checks: their subjects, by check."""
        report = json.loads((self.folder / "findings.json").read_text())
        return {
            each["id"]: sorted(self.subjects(each["id"])) for each in report["results"] if each["findings"]
        }

    def result(self, check: str) -> dict[str, Any]:
        """What findings.json says of one check."""
        results = json.loads((self.folder / "findings.json").read_text())["results"]
        by_id: dict[str, dict[str, Any]] = {result["id"]: result for result in results}
        return by_id[check]

    def only(self, check: str) -> str:
        """Severity and message of a check's only finding."""
        (finding,) = self.result(check)["findings"]
        return f"{finding['severity']}: {finding['message']}"

    def subjects(self, check: str) -> list[str]:
        """The subjects of a check's findings, as kubectl would name them."""
        return [
            "/".join(part for part in (found["kind"], found["namespace"], found["name"]) if part)
            for found in (finding["subject"] for finding in self.result(check)["findings"])
        ]


def run_health(
    directory: Path, profile: str, *arguments: str, python: str = sys.executable, **environment: str
) -> HealthRun:
    """Write ``profile`` to ``prod.yaml`` in ``directory`` and run the suite against it there."""
    (directory / "prod.yaml").write_text(profile)
    done = subprocess.run(
        [python, "-m", "pytest", "--profile=./prod.yaml", *arguments],
        cwd=directory,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return HealthRun(done.returncode, done.stdout, directory / "reports" / "prod" / "latest")
