# SPDX-License-Identifier: MIT
"""Fixtures and the watch over every test: its time, its processes, its count.

Each test has LIMIT seconds (TEST_LIMIT, or two minutes; twenty of SIZE=long; its own
where it is marked limit(seconds); times PATIENCE) by an alarm of its own;
should even that hang, faulthandler ends the run with all stacks.  The outcome of
each test goes, a line each, to the file BOX_COUNTS, closed by the line "end", so
that test/box/run can count what a crash left.
"""
import faulthandler
import os
import resource
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))
pytest.register_assert_rewrite("harness", "fleet")
from fleet import Fleet  # noqa: E402
from harness import LONG, PATIENCE, Stage  # noqa: E402

LIMIT = int(float(os.environ.get("TEST_LIMIT", "1200" if LONG else "120")) * PATIENCE)
outcomes = {}  # test -> the worst of its phases


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): how long this test may take")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def limit_of(item):
    mark = item.get_closest_marker("limit")
    return int(mark.args[0] * PATIENCE) if mark else LIMIT


def on_alarm(_signal, _frame):
    raise TimeoutError("the test took longer than it may")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(limit_of(item))
    faulthandler.dump_traceback_later(2 * limit_of(item), exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()
    signal.alarm(0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for stage in Stage.all_open:
            report.sections.append((f"logs in {stage.dir}", stage.tails()))


def pytest_runtest_logreport(report):
    rank = ["passed", "skipped", "failed"]
    worst = max(outcomes.get(report.nodeid, "passed"), report.outcome, key=rank.index)
    outcomes[report.nodeid] = worst
    if report.when == "teardown":
        count(worst)


def pytest_collectreport(report):
    if report.failed:
        count("failed")


def pytest_sessionfinish():
    count("end")


def count(word):
    path = os.environ.get("BOX_COUNTS")
    if path:
        with open(path, "a", encoding="ascii") as f:
            f.write(word + "\n")


def staged(directory):
    """A stage for as long as a fixture lives; complaints fail at its end."""
    stage = Stage(directory)
    yield stage
    tails = None
    found = stage.close()
    if found:
        tails = stage.tails()
    assert not found, "; ".join(found) + "\n" + tails


@pytest.fixture
def stage(tmp_path):
    yield from staged(tmp_path)


@pytest.fixture(scope="module")
def module_stage(tmp_path_factory):
    yield from staged(tmp_path_factory.mktemp("module"))


@pytest.fixture
def fleet(stage):
    return Fleet(stage)


@pytest.fixture(autouse=True)
def nobody_crashed():
    """Whatever the test looked at, its processes must be well after it."""
    yield
    found = [c for s in Stage.all_open for c in s.complaints()]
    assert not found, "; ".join(found)
