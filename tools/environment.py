# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the virtual environments that the Makefile's lanes run in.

One environment a file of `requirements/`: `dev` (core, torch, linting), `oldest` (the oldest NumPy), `bake`
(what makes the default body) and `bpy-4.2` ... `bpy-5.2` (Blender as a Python module). An environment that
already meets its pins is kept.

    python tools/environment.py bpy-4.5         make .venv/bpy-4.5 and stamp it
    python tools/environment.py --python 3.13   print the path of that Python, if the machine has one
    python tools/environment.py --packages      print the Debian packages that Blender loads
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON_OF = {"bpy-5.2": "3.13"}
DEFAULT_PYTHON = "3.11"
NEED_TORCH = {"dev", "bake"}
STAMP = ".ready"

# Shared libraries that `import bpy` loads, and that a machine without a desktop lacks.
BPY_SYSTEM_PACKAGES = (
    "libx11-6 libxrender1 libxfixes3 libxi6 libxkbcommon0 libxxf86vm1 libgomp1 libsm6 libice6 libgl1 libegl1"
)


class EnvironmentUnavailableError(Exception):
    """This machine lacks something that pip cannot install; the message says what."""


def find_python(version: str) -> Path | None:
    """Return the first Python of that version ("3.13") that starts, or None.

    Looks at the running one, at PATH, then among pyenv's: a pyenv shim may lie on PATH and yet not start.
    """
    pyenv = Path.home() / ".pyenv" / "versions"
    candidates = [
        sys.executable,
        shutil.which(f"python{version}"),
        *sorted(map(str, pyenv.glob(f"{version}*/bin/python{version}")), reverse=True),
        shutil.which("python3"),
    ]
    question = "import sys; print('%d.%d' % sys.version_info[:2]); print(sys.executable)"
    for candidate in filter(None, candidates):
        answer = subprocess.run([candidate, "-c", question], capture_output=True, text=True, check=False)
        lines = answer.stdout.splitlines()
        if answer.returncode == 0 and len(lines) == 2 and lines[0] == version:
            return Path(lines[1])
    return None


def make(name: str) -> None:
    """Create or complete `.venv/NAME` and stamp it.

    Raises:
        EnvironmentUnavailableError: no such Python, or a library that Blender loads is missing.
        subprocess.CalledProcessError: pip failed; its own output has been shown.
    """
    home = ROOT / ".venv" / name
    python = home / "bin" / "python"
    if not python.exists():
        version = PYTHON_OF.get(name, DEFAULT_PYTHON)
        base = find_python(version)
        if base is None:
            message = f"{name} needs Python {version}, and none was found on PATH or under ~/.pyenv/versions."
            raise EnvironmentUnavailableError(message)
        subprocess.run([base, "-m", "venv", home], check=True)

    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if name in NEED_TORCH:
        subprocess.run([*install, "-r", ROOT / "requirements" / "torch.txt"], check=True)
    subprocess.run([*install, "-r", ROOT / "requirements" / f"{name}.txt"], check=True)
    if name == "dev":
        subprocess.run([*install, "--no-build-isolation", "--no-deps", "-e", ROOT / "core"], check=True)
    if name.startswith("bpy-"):
        require_bpy(python)
    (home / STAMP).touch()


def require_bpy(python: Path) -> None:
    """Raise EnvironmentUnavailableError unless `import bpy` works in that environment."""
    # os._exit: some versions of the module crash or hang while Python shuts down.
    attempt = subprocess.run(
        [python, "-c", "import os, bpy; os._exit(0)"], capture_output=True, text=True, check=False
    )
    if attempt.returncode == 0:
        return
    reason = attempt.stderr.strip().splitlines()[-1:] or [f"exit status {attempt.returncode}"]
    message = f"Blender does not start ({reason[0]}). On Debian: apt-get install {BPY_SYSTEM_PACKAGES}"
    raise EnvironmentUnavailableError(message)


def main(arguments: list[str]) -> int:
    """Do what the command line says; return the exit status."""
    if len(arguments) == 2 and arguments[0] == "--python":
        found = find_python(arguments[1])
        print(found or "")
        return 0
    if arguments == ["--packages"]:
        print(BPY_SYSTEM_PACKAGES)
        return 0
    if len(arguments) != 1 or not (ROOT / "requirements" / f"{arguments[0]}.txt").exists():
        print(__doc__, file=sys.stderr)
        return 2
    print(f"Preparing .venv/{arguments[0]}", flush=True)
    try:
        make(arguments[0])
    except EnvironmentUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"{os.fspath(error.cmd[0])} ended with status {error.returncode}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
