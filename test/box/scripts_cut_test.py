# SPDX-License-Identifier: MIT
"""deploy/'s scripts in any order, cut off at any step, two at once.

Their door is a door of paper: instances are files that say which release they run.
Each call of it is a step, at which a test can kill the script that calls; what runs
for real is in scripts_test.py.
"""
import json
import os
import signal
import subprocess

import pytest

from harness import LONG, PATIENCE, wait_until
from rolling import ROOT

INSTANCES = ("api@1", "worker@1", "admin@1")
STEPS = range(1, 40) if LONG else range(2, 40, 3)

DOOR = r"""#!/bin/sh
cd "$HOUSE" || exit 9
echo "$*" >>calls
if [ "$(wc -l <calls)" = "${CUT_AT:-0}" ]; then
	kill -"${SIGNAL:-KILL}" "$SCRIPT"
	[ "${ACT:-yes}" = yes ] || exit 1
fi
[ "$(wc -l <calls)" != "${HOLD_AT:-0}" ] || { : >held; read -r _ <go; }
case $1 in
list)
	[ "$2" != "${UNLISTED:-}" ] || exit 1
	ls run stopped | grep "^$2@" | sort -u || : ;;
target) cat target ;;
use) case $2 in none*) echo "$2: no release" && exit 1 ;; esac
	echo "$2" >target ;;
replace | start)
	case "$(cat target) $2" in bad* | "${STUCK:-}") exit 1 ;; esac
	rm -f "stopped/$2"
	cp target "run/$2" ;;
stop) [ ! -e "run/$2" ] || mv "run/$2" "stopped/$2" ;;
probe) [ -e "run/$2" ] ;;
gate) echo GO ;;
prosaas)
	case $2 in
	--version) echo "prosaas 1-$(cat target)" ;;
	migrate) case $(cat target) in *unmigrated) exit 1 ;; esac ;;
	doctor) [ "${GATELESS:-}" ] || echo --gate ;;
	config) echo "ALERT_WEBHOOK_URL=${TOLD:-}" ;;
	esac ;;
esac
"""


class Paper:
    def __init__(self, folder, release="first"):
        self.folder, self.record = folder, folder / "deployments.jsonl"
        for name in ("run", "stopped"):
            (folder / name).mkdir(parents=True)
        for instance in INSTANCES:
            (folder / "run" / instance).write_text(f"{release}\n")
        (folder / "target").write_text(f"{release}\n")
        (folder / "door").write_text(DOOR)
        (folder / "door").chmod(0o755)
        os.mkfifo(folder / "go")

    def begin(self, script, *words, **env):
        (self.folder / "calls").unlink(missing_ok=True)
        return subprocess.Popen(["sh", "-c", 'SCRIPT=$$ exec "$@"', "sh", ROOT / "deploy" / script, *words], text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                env=self.environment(**env))

    def environment(self, **env):
        return {"PATH": os.environ["PATH"], "DOOR": str(self.folder / "door"), "HOUSE": str(self.folder),
                "DEPLOY_RECORD": str(self.record), "DEPLOYED_BY": "night shift", "READY_TIMEOUT": "1",
                **{k: str(v) for k, v in env.items()}}

    def run(self, script, *words, code=0, **env):
        p = self.begin(script, *words, **env)
        out = p.communicate(timeout=30 * PATIENCE)[0]
        assert p.returncode == code, out
        return out

    def calls(self, verb=""):
        return [c for c in (self.folder / "calls").read_text().splitlines() if c.startswith(verb)]

    @property
    def target(self):
        return (self.folder / "target").read_text().strip()

    def runs(self):
        return {f.read_text().strip() for f in (self.folder / "run").iterdir()}

    def all_run(self, release):
        assert self.target == release and self.runs() == {release}
        assert {f.name for f in (self.folder / "run").iterdir()} == set(INSTANCES)

    def last(self):
        return json.loads(self.record.read_text().splitlines()[-1])


@pytest.fixture
def paper(tmp_path):
    return Paper(tmp_path / "house")


@pytest.fixture
def papers(tmp_path):
    """A house for each step; `second` has replaced `first` in it, if the record says so."""
    def build(step):
        house = Paper(tmp_path / f"house{step}", "second")
        house.record.write_text('{"from":"1-first","to":"1-second","from_target":"first","to_target":"second",'
                                '"rollback":false,"outcome":"deployed"}\n')
        return house
    return build


def cut(house, step, script, *words, act="yes"):
    """Whether there was such a step to cut the script off at."""
    p = house.begin(script, *words, CUT_AT=step, ACT=act)
    p.communicate(timeout=30 * PATIENCE)
    assert p.returncode in (0, -signal.SIGKILL)
    return p.returncode != 0


# --- in any order ---------------------------------------------------------------

def test_a_rollback_after_a_rollback_goes_further_back_not_forth(paper):
    paper.run("roll.sh", "second")
    paper.run("roll.sh", "third")
    paper.run("rollback.sh")
    paper.all_run("second")
    paper.run("rollback.sh")
    paper.all_run("first")
    assert "names no release before first" in paper.run("rollback.sh", code=2)
    paper.all_run("first")


def test_a_rollback_after_a_restart_goes_to_the_release_before(paper):
    paper.run("roll.sh", "second")
    paper.run("restart.sh")
    paper.run("roll.sh")  # the same once more
    paper.run("rollback.sh")
    paper.all_run("first")
    assert (paper.last()["from_target"], paper.last()["to_target"]) == ("second", "first")


def test_a_rollback_after_a_release_that_went_back_by_itself_goes_to_the_one_before(paper):
    paper.run("roll.sh", "second")
    assert "going back to second" in paper.run("roll.sh", "bad", code=1)
    paper.all_run("second")
    paper.run("rollback.sh")
    paper.all_run("first")


@pytest.mark.parametrize("target, why", [("none", "none can't be used"), ("third-unmigrated", "migrate failed")])
def test_a_release_that_never_got_to_run_replaces_nothing(paper, target, why):
    assert why in paper.run("roll.sh", target, code=1)
    paper.all_run("first")
    assert not paper.calls("replace")
    assert why in paper.last()["outcome"]


def test_a_way_back_that_fails_for_one_is_gone_for_the_others(paper):
    out = paper.run("roll.sh", "bad", code=3, STUCK="first worker@1")
    assert "the way back failed: look at the logs of what is not ready: worker@1" in out
    assert paper.calls("replace")[-1] == "replace admin@1"
    assert paper.last()["outcome"].startswith("ROLLBACK FAILED") and paper.target == "first"


def test_the_roles_alert_webhook_is_told_without_being_named_again(paper):
    told = "http://127.0.0.1:9/closed"
    assert "ALERT_WEBHOOK_URL: not told" in paper.run("roll.sh", "second", TOLD=told)
    assert "ALERT_WEBHOOK_URL" not in paper.run("roll.sh", "third", TOLD=told, ALERT_WEBHOOK_URL="")


# --- cut off at any step ----------------------------------------------------------

@pytest.mark.parametrize("act", ["yes", "no"])
def test_a_deployment_that_was_killed_at_any_step_can_be_rolled_back(papers, act):
    for step in STEPS:
        house = papers(step)
        if not cut(house, step, "roll.sh", "third", act=act):
            break
        if house.last()["outcome"] != "begun":  # it had not begun
            house.all_run("second")
            continue
        house.run("rollback.sh")
        house.all_run("second")
    assert step > STEPS[4], "steps were cut"


def test_a_deployment_that_was_killed_at_any_step_can_be_made_again(papers):
    for step in STEPS:
        house = papers(step)
        if not cut(house, step, "roll.sh", "third"):
            break
        house.run("roll.sh", "third")
        house.all_run("third")
        house.run("rollback.sh")
        house.all_run("second")
    assert step > STEPS[4], "steps were cut"


def test_after_a_deployment_that_was_killed_a_bad_one_goes_back_to_what_was_sound(papers):
    for step in STEPS:
        house = papers(step)
        if not cut(house, step, "roll.sh", "third"):
            break
        house.run("roll.sh", "bad", code=3 if house.target == "bad" else 1)
        house.all_run("second")
    assert step > STEPS[4], "steps were cut"


def test_a_restart_does_not_hide_that_a_deployment_was_killed(papers):
    house = papers(1)
    assert cut(house, 12, "roll.sh", "third") and house.target == "third"
    house.run("restart.sh")
    house.run("rollback.sh")
    house.all_run("second")


def test_a_rollback_that_was_killed_at_any_step_goes_on_where_it_went(papers):
    for step in STEPS:
        house = papers(step)
        house.run("roll.sh", "third")
        if not cut(house, step, "rollback.sh"):
            break
        house.run("rollback.sh")
        house.all_run("second")
    assert step > STEPS[4], "steps were cut"


def test_a_restart_that_was_killed_at_any_step_is_made_again(papers):
    for step in STEPS:
        house = papers(step)
        if not cut(house, step, "restart.sh"):
            break
        house.run("restart.sh")
        house.all_run("second")
    assert step > STEPS[4], "steps were cut"


@pytest.mark.parametrize("sig", ["INT", "TERM", "HUP"])
def test_a_deployment_that_is_told_to_stop_goes_back(papers, sig):
    for step in STEPS:
        house = papers(step)
        p = house.begin("roll.sh", "third", CUT_AT=step, SIGNAL=sig)
        out = p.communicate(timeout=30 * PATIENCE)[0]
        if p.returncode == 0:
            break
        house.all_run("second")
        if house.last()["to_target"] == "third":
            assert p.returncode == 1 and "stopped by hand" in house.last()["outcome"], out
    assert step > STEPS[4], "steps were cut"


def test_a_restart_that_is_told_to_stop_starts_everything_first(papers):
    for step in STEPS:
        house = papers(step)
        house.begin("restart.sh", CUT_AT=step, SIGNAL="INT").communicate(timeout=30 * PATIENCE)
        house.all_run("second")


def test_a_reader_that_goes_stops_no_deployment(paper):
    p = paper.begin("roll.sh", "second")
    p.stdout.close()
    assert p.wait(30 * PATIENCE) == 0
    paper.all_run("second")


@pytest.mark.parametrize("script, code", [("roll.sh", 2), ("rollback.sh", 0)])
def test_a_full_disk_stops_a_deployment_before_it_begins_but_no_way_back(paper, script, code):
    """Half a line is written; who comes next is not confused by it."""
    paper.record.write_text('{"from_target":"none","to_target":"second","rollback":false,"outcome":"deployed"}\n' * 12)
    size = paper.record.stat().st_size // 512 + 1  # room ends in the middle of the next line
    full = subprocess.run(["sh", "-c", f'trap "" XFSZ; ulimit -f {size}; exec "$@"', "sh", ROOT / "deploy" / script, "third"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          env=paper.environment())
    assert full.returncode == code and f"DEPLOY_RECORD={paper.record}: not written" in full.stdout, full.stdout
    paper.all_run("third" if code == 0 else "first")
    assert not paper.record.read_text().endswith("\n")
    paper.run("roll.sh", "fourth")
    assert paper.last()["outcome"] == "deployed" and paper.last()["from_target"] == ("third" if code == 0 else "first")


def test_a_release_without_a_gate_is_said_to_have_none(paper):
    assert "no gate" in paper.run("roll.sh", "second", GATELESS="yes")
    assert "the gate watches" in paper.run("roll.sh", "third")


# --- two at once, wrong words ---------------------------------------------------------

@pytest.mark.parametrize("second", [("roll.sh", "third"), ("rollback.sh", "first"), ("restart.sh",)])
def test_the_second_of_two_says_who_is_at_work_and_touches_nothing(paper, second):
    one = paper.begin("roll.sh", "second", HOLD_AT=12)
    wait_until(lambda: (paper.folder / "held").exists(), 10, "the first is on its way")
    calls = paper.calls()
    other = subprocess.run([ROOT / "deploy" / second[0], *second[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, check=False, env=paper.environment())
    assert other.returncode == 2 and f"not now: roll.sh of night shift, process {one.pid}" in other.stdout, other.stdout
    assert paper.calls() == calls
    (paper.folder / "go").write_text("on\n")
    assert one.wait(30 * PATIENCE) == 0
    paper.all_run("second")


@pytest.mark.parametrize("words, env, why", [
    (["--help"], {}, "usage: roll.sh"), (["-h"], {}, "usage: roll.sh"), ([""], {}, "usage: roll.sh"), (["--now"], {}, "usage: roll.sh"),
    (["second"], {"READY_TIMEOUT": "soon"}, "READY_TIMEOUT=soon"), (["second"], {"GATE": "of"}, "GATE=of"),
    (["second"], {"GATE_WINDOW": "ten"}, "GATE_WINDOW=ten"), (["second"], {"DEPLOY_RECORD": "/nowhere/x"}, "DEPLOY_RECORD=/nowhere/x"),
    (["second"], {"UNLISTED": "worker"}, "does not list worker"), (["second"], {"DOOR": "/nowhere"}, "the door does not open: /nowhere"),
])
def test_wrong_words_are_named_before_anything_is_touched(paper, words, env, why):
    p = paper.begin("roll.sh", *words, **env)
    out = p.communicate(timeout=30 * PATIENCE)[0]
    assert why in out and p.returncode == (0 if words[0] in ("-h", "--help") else 1 if why.startswith(("does", "the")) else 2)
    paper.all_run("first")
    assert not paper.record.exists() or not paper.record.read_text()


def test_where_nothing_runs_nothing_is_deployed(paper):
    for instance in INSTANCES:
        (paper.folder / "run" / instance).unlink()
    for script in ("roll.sh", "rollback.sh", "restart.sh"):
        assert "lists no instance" in paper.run(script, code=1)
    assert paper.target == "first"
