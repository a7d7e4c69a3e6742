# SPDX-License-Identifier: GPL-3.0-or-later
"""One process a file, several at a time; what a process that was killed has left is cleared away.

Each process writes beside the final name and moves its file there when it is whole, under the name
``.PROCESS.FINAL``: what has another name is no output.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

Job = TypeVar("Job")

_POLL_SECONDS = 0.05


def in_parallel(
    jobs: Iterable[Job], command: Callable[[Job], list[str]], most: int
) -> Iterator[tuple[Job, int, str]]:
    """Run a command for each job; yields job, exit code and what it wrote to stderr, in the order of ending.

    Args:
        jobs: what is to be done.
        command: the command for a job.
        most: how many run at a time; as many as there are cores if 0.
    """
    waiting = list(jobs)
    running: list[tuple[subprocess.Popen, Job]] = []
    # An end from outside, too, is the end of the processes that were started here.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        while waiting or running:
            while waiting and len(running) < (most or os.cpu_count() or 1):
                job = waiting.pop(0)
                running.append((_start(command(job)), job))
            for ended in [pair for pair in running if pair[0].poll() is not None]:
                running.remove(ended)
                process, job = ended
                yield job, process.returncode, process.stderr.read() if process.stderr else ""
            time.sleep(_POLL_SECONDS)
    finally:
        for process, _ in running:
            process.terminate()
        for process, _ in running:
            process.wait()


def remove_leftovers(output: Path) -> None:
    """Remove what a process that was killed left half written beside an output."""
    for path in output.parent.glob(f".*.{output.name}*"):
        number = path.name.split(".")[1]
        if number.isdigit() and not is_alive(int(number)):
            path.unlink(missing_ok=True)


def is_alive(process: int) -> bool:
    """Whether a process with this number runs; taken for granted where that cannot be asked."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _start(command: list[str]) -> subprocess.Popen:
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
        errors="replace",
    )


def _leave(number: int, _frame: object) -> None:
    sys.exit(128 + number)
