# SPDX-License-Identifier: MIT
"""What others have published on npm, for a test: a folder of test/fakes with a package.json
and a lock, installed.  Skipped where npm or its registry is not there."""
import pathlib
import re
import shutil
import subprocess

import pytest

from harness import FAKES

INSTALL_S = 90  # half a minute on two busy cores
OUT_OF_REACH = re.compile(r"(ENOTFOUND|EAI_AGAIN|ECONN\w+|E?TIMED?OUT|ERR_SOCKET_TIMEOUT|ENETUNREACH|EHOSTUNREACH|E5\d\d"
                          r"|E40[134]|ENOTCACHED)")


def npm_install(tmp_path_factory, name):
    """The folder with the packages in it."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("npm") / name
    shutil.copytree(FAKES / name, folder)
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
    return pathlib.Path(folder)
