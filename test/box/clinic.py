# SPDX-License-Identifier: MIT
"""clinic: a whole living system for the tests of `prosaas doctor`, and its doctor.

Faults are put into it; whatever a test did has to be mended when it ends.
"""
import json
import subprocess

import pytest

from harness import BIN, PATIENCE, chat_of, message, wait_until, webhook


class House:
    """The whole system, and its doctor."""

    def __init__(self, stage):
        self.stage = stage
        stage.start_redis()
        stage.start_gateway("--durable")
        stage.settings |= {"MAX_CONNECTIONS": "500", "RQ_QUEUES": "default,low"}
        stage.ai = stage.start_fake("ai")
        stage.prepare(default_text="hi")
        self.api, self.worker, self.scheduler = stage.start("api"), stage.start("worker"), stage.start("scheduler")
        stage.settings["PORT"] = str(self.api.port)  # for doctor: where the api is
        self.r = stage.redis.text
        self.api.post(webhook(message("M1", chat=chat_of(1))))
        wait_until(lambda: self.r.zcard("rq:finished:default") == 1, 10, "one job is done")
        self.wait_healthy()

    def doctor(self, *words, code=None, **settings):
        return json.loads(self.stage.cli("doctor", "--json", *words, code=code, **settings).stdout)

    def check(self, name, *words, **settings):
        """What it says of one check, wrong or well."""
        return next(c for c in self.doctor(*words, **settings)["checks"] if c["name"] == name)

    def troubles(self, **settings):
        """{check: finding} of what is wrong and follows from nothing."""
        return {c["name"]: c for c in self.doctor(**settings)["checks"]
                if c["verdict"] in ("bad", "warn") and not c["follows"]}

    def names(self, fault, verdict="bad", **settings):
        """The doctor finds the fault, as the only cause; returns the finding."""
        found = self.troubles(**settings)
        assert set(found) == {fault}, found
        assert found[fault]["verdict"] == verdict and found[fault]["why"] and found[fault]["mend"]
        return found[fault]

    def wait_healthy(self):
        def healthy():
            report = self.doctor()
            return report["status"] == "healthy" and all(c["verdict"] == "ok" for c in report["checks"])
        try:
            wait_until(healthy, 10)
        except AssertionError as e:
            raise AssertionError(str(self.troubles())) from e

    def fix(self):
        """--fix; returns what it says it did."""
        return {f["check"]: f["what"] for f in self.doctor("--fix")["fixes"] if f["done"]}

    def shell(self, command):
        """A mending command, as a person runs it."""
        env = self.stage.environment({}) | {"PATH": "/usr/bin:/bin"}
        subprocess.run(["sh", "-c", f'prosaas() {{ "{BIN}" "$@"; }}; {command}'], env=env, check=True,
                       cwd=self.stage.dir, stdout=subprocess.PIPE, timeout=30 * PATIENCE)


@pytest.fixture(scope="module")
def house(module_stage):
    return House(module_stage)


@pytest.fixture(autouse=True)
def nothing_stays(request):
    """Whatever a test did to the house is mended at its end."""
    yield
    if "house" not in request.fixturenames:
        return
    house = request.getfixturevalue("house")
    house.r.execute_command("REPLICAOF", "NO", "ONE")
    house.r.config_set("maxmemory", 0)
    house.wait_healthy()
