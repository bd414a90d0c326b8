"""Around the whole run: the exit status is the verdict's, and without a verdict it is not 0."""

import contextlib
import os
import sys
import traceback
from collections.abc import Generator
from pathlib import Path

import pytest

from domino_health.gate import INTERNAL_ERROR, INTERRUPTED, OPEN, USAGE
from domino_health.plugin.ending import Ending
from domino_health.plugin.prepare import ONLY_ASKS
from domino_health.plugin.run import Run
from domino_health.plugin.signals import mute

Status = int | pytest.ExitCode | None


def guarded(config: pytest.Config) -> Generator[None, Status, Status]:
    """Wraps ``pytest_cmdline_main``: plugins can end a run early, late, or with a status of their own."""
    _have_outputs()
    broke: BaseException | None = None
    try:
        status = int((yield) or OPEN)
    except pytest.UsageError as error:
        ending = _ending(config)
        if ending is not None and ending.verdict is None:
            _salvage(config, ending, USAGE, f"the run was not set up properly: {error}")
        if ending is None or ending.verdict is None or ending.verdict.exit_status == USAGE:
            raise
        status, broke = INTERNAL_ERROR, error
    except BaseException as error:  # noqa: BLE001 (SystemExit of a plugin, a broken pipe, whatever comes this far)
        status, broke = INTERNAL_ERROR, error
        _clean_up(config)
    status = _status(config, status, broke)
    _flush()
    return status


def _ending(config: pytest.Config) -> Ending | None:
    ending = config.pluginmanager.get_plugin("domino-health-ending")
    return ending if isinstance(ending, Ending) else None


def _status(config: pytest.Config, status: int, broke: BaseException | None) -> int:
    if any(getattr(config.option, name, False) for name in ONLY_ASKS) and broke is None:
        return status
    ending = _ending(config)
    if ending is None:
        if broke is not None:
            _complain(config, broke)
        elif status == OPEN:
            _print("domino-health: the run ended before it began, with status 0; no gate is open")
        return status or INTERNAL_ERROR
    if ending.verdict is not None:
        if not ending.verdict.open:
            return ending.verdict.exit_status
        if isinstance(broke, SystemExit) or (broke is None and status == OPEN):
            return OPEN
    if broke is not None and not isinstance(broke, SystemExit | OSError | pytest.UsageError):
        _complain(config, broke)
    interrupted = ending.run.interrupted and ending.verdict is None and status == INTERRUPTED
    return _salvage(
        config, ending, INTERRUPTED if interrupted else INTERNAL_ERROR, _why(ending, status, broke)
    )


def _why(ending: Ending, status: int, broke: BaseException | None) -> str:
    if broke is not None:
        return f"the run broke: {type(broke).__name__}: {broke}"
    if ending.verdict is not None:
        return f"pytest ended with status {status} after the verdict"
    return "the run ended before its checks"


def _salvage(config: pytest.Config, ending: Ending, status: int, why: str) -> int:
    try:
        verdict = ending.salvage(config, status, why)
    except BaseException as error:  # noqa: BLE001 (a bug of ours, and the last place to say so)
        _complain(config, error)
        return INTERNAL_ERROR
    _print(f"domino-health: {verdict.reasons[-1]}; the gate is closed (exit {verdict.exit_status})")
    return verdict.exit_status


def _clean_up(config: pytest.Config) -> None:
    """What pytest does at its end, and did not come to: the lab's keys are among it."""
    with contextlib.suppress(BaseException):  # the same that broke it before
        config._ensure_unconfigure()


def _complain(config: pytest.Config, error: BaseException) -> None:
    run = config.pluginmanager.get_plugin("domino-health-run")
    text = "".join(traceback.format_exception(error))
    _print(run.loaded.redactor.scrub(text) if isinstance(run, Run) else text)


def _print(text: str) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, closed before, never there
        print(text.encode("ascii", "backslashreplace").decode(), file=sys.stderr)


def _have_outputs() -> None:
    """Whoever started us may have closed one; pytest would break for want of it, before or after the run."""
    for name in ("stdout", "stderr", "__stderr__"):
        stream = getattr(sys, name)
        if stream is None or stream.closed:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 (as long as the process lives)


def _flush() -> None:
    """What a reader that has gone did not read is no reason for another status: Python would end with 1."""
    _have_outputs()
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):
        mute()
