# SPDX-License-Identifier: MIT
"""What others have published on npm, for a test: a folder of test/fakes with a package.json
and a lock, installed.  Skipped where npm or its registry is not there."""
import hashlib
import pathlib
import re
import shutil
import subprocess

import pytest

from harness import FAKES

ROOT = pathlib.Path(__file__).resolve().parents[2]
INSTALL_S = 90  # half a minute on two busy cores
OUT_OF_REACH = re.compile(r"(ENOTFOUND|EAI_AGAIN|ECONN\w+|E?TIMED?OUT|ERR_SOCKET_TIMEOUT|ENETUNREACH|EHOSTUNREACH|E5\d\d"
                          r"|E40[134]|ENOTCACHED)")


def npm_install(name):
    """The folder with the packages in it: installed once, kept in build/npm."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    of = hashlib.sha256(b"".join(p.read_bytes() for p in sorted((FAKES / name).iterdir()))).hexdigest()[:12]
    kept = ROOT / "build" / "npm" / f"{name}-{of}"
    if not kept.exists():
        part = kept.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        shutil.copytree(FAKES / name, part)
        install(part, name)
        part.rename(kept)
    return kept


def install(folder, name):
    try:
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"],
                              cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm has not installed {name} in {INSTALL_S} s")
    away = OUT_OF_REACH.search(done.stderr)
    if done.returncode and away:
        pytest.skip("npm does not reach its registry: " + away[1])
    assert done.returncode == 0, done.stderr  # the lock is wrong
