# SPDX-License-Identifier: MIT
"""docs/runbook.md, run as it stands: every block, in order, against a live system.

In a block `#> RE` is what the output of the commands before it must match, line by
line in this order, `#! RE` what it must not, `#= RE` their exit status (else 0).
"""
import os
import re
import subprocess

import pytest

from harness import BIN, PATIENCE, wait_until
from rolling import ROOT
from scripts_test import DOOR, House

RUNBOOK = ROOT / "docs" / "runbook.md"
TEXT = RUNBOOK.read_text()


def steps():
    """(line in the page, commands, expectations)"""
    found, commands, expected, began, inside = [], [], [], 0, False

    def close():
        if commands:
            found.append((began, "\n".join(commands), list(expected)))
        commands.clear()
        expected.clear()
    for n, line in enumerate(TEXT.splitlines(), 1):
        if line.startswith("```"):
            inside = line == "```sh"
            close()
        elif inside and line[:2] in ("#>", "#!", "#="):
            expected.append((line[1], line[3:]))
        elif inside:
            if expected:
                close()
            began = n if not commands else began
            commands.append(line)
    return found


class Guide(House):
    """A house whose Redis has a door as well, and whose logs can be read."""

    def do(self, verb, *words):
        redis = self.stage.redis
        if verb == "logs":
            logs = [p.log() for p in self.stage.procs if getattr(p, "role", None) == words[0]]
            return 0, "".join(logs)
        if words[:1] == ("redis",):
            {"stop": redis.kill, "start": redis.restart}[verb]()
            return 0, ""
        if verb == "gate":
            log = self.stage.dir / "api.since"  # as --api-unit reads what came meanwhile
            log.write_text("")
            done = subprocess.run([self.target, "doctor", "--gate", "--window", words[0], "--api-log", str(log)],
                                  env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            return done.returncode, done.stdout
        return super().do(verb, *words)

    def close(self):
        super().close()
        self.stage.redis.asked_to_die = True  # with the thread that started it


@pytest.fixture(scope="module")
def house(module_stage):
    stage = module_stage
    stage.start_redis()
    stage.start_gateway("--durable")
    stage.settings |= {"DRAIN_TIMEOUT": "10"}
    stage.prepare(default_text="Thank you!")
    house = Guide(stage)
    bin_dir = stage.dir / "bin"
    bin_dir.mkdir()
    (bin_dir / "prosaas").symlink_to(os.path.abspath(BIN))
    target = stage.dir / "next"
    target.write_text(f"#!/bin/sh\nexec {os.path.abspath(BIN)} \"$@\"\n")
    target.chmod(0o755)
    house.environment = {**stage.environment({}), "PATH": f"{bin_dir}:{os.environ['PATH']}",
                         "API": f"http://127.0.0.1:{house.port}", "PORT": str(house.port), "HOST": "127.0.0.1",
                         "DOOR": str(DOOR), "DOOR_SOCKET": str(house.path), "WORKER": "worker@1", "TARGET": str(target),
                         "BACKUP": str(stage.dir / "backup"), "WINDOW": "3s", "DEPLOY_RECORD": str(house.record),
                         "DEPLOYED_BY": "night shift", "READY_TIMEOUT": "20", "GATE_WINDOW": "3s"}
    wait_until(lambda: subprocess.run([BIN, "doctor"], env=house.environment, stdout=subprocess.DEVNULL).returncode == 0,
               20, "all is well before the guide begins")
    yield house
    house.close()


def unmet(kind, wanted, lines, code):
    """What of the expectation does not hold, or None.  `>` drops the lines before its own."""
    if kind == "=":
        return None if re.fullmatch(wanted, str(code)) else f"exit status {code}"
    pattern = re.compile(wanted)
    if kind == "!":
        bad = [line for line in lines if pattern.search(line)]
        return f"there is: {bad[0]}" if bad else None
    while lines and not pattern.search(lines[0]):
        lines.pop(0)
    return None if lines else "no such line"


@pytest.mark.parametrize("line,commands,expected", steps(), ids=lambda v: str(v) if isinstance(v, int) else "")
def test_the_runbook_says_what_happens(house, line, commands, expected):
    done = subprocess.run(["sh", "-euc", commands], cwd=ROOT, env=house.environment, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120 * PATIENCE)
    shown = f"docs/runbook.md:{line}\n{commands}\n--- exit {done.returncode}\n{done.stdout}"
    if not any(kind == "=" for kind, _ in expected):
        assert done.returncode == 0, shown
    refused = [w for k, w in expected if k == "!" and unmet(k, w, done.stdout.splitlines(), 0)]
    assert not refused, f"#! {refused}\n{shown}"
    lines = done.stdout.splitlines()
    for kind, wanted in expected:
        if kind != "!":
            why = unmet(kind, wanted, lines, done.returncode)
            assert why is None, f"#{kind} {wanted}: {why}\n{shown}"


def rows():
    table = TEXT[TEXT.index("## Every line of the guide"):]
    return [[c.strip() for c in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("| ")][1:]


def test_every_line_of_the_guide_is_held_by_something_that_exists():
    headings = {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)$", TEXT, re.M)}
    rest = [r for r in rows() if not r[0].startswith("**")]
    assert len(rest) > 60
    for said, held in rest:
        assert held, f"nothing holds: {said}"
        for name in re.findall(r"`(\w+_test\.py)`", held):
            assert (ROOT / "test/box" / name).exists(), f"{said}: {name}"
        for name in re.findall(r"`(deploy/[\w.]+|bench/)", held):
            assert (ROOT / name).exists(), f"{said}: {name}"
        for link in re.findall(r"\]\(([^)]*)\)", held):
            page, _, anchor = link.partition("#")
            assert not page or (ROOT / "docs" / page).exists(), f"{said}: {link}"
            assert not anchor or anchor in headings, f"{said}: {link}"


def test_the_checks_it_names_are_those_of_doctor():
    doctor = (ROOT / "docs/doctor.md").read_text()
    for said, held in rows():
        for name in re.findall(r"\((?:checks? )([\w-]+)\*?\)|--gate` \(([\w-]+)\)", held):
            assert f"\n| {name[0] or name[1]}" in doctor, f"{said}: {name}"


def test_what_is_expected_can_fail():
    assert unmet(">", "a", ["b"], 0) and unmet("!", "b", ["b"], 0) and unmet("=", "1", [], 0)
    assert not unmet(">", "b", ["a", "b"], 0) and not unmet("=", "[12]", [], 2)
