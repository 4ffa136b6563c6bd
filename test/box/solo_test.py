# SPDX-License-Identifier: MIT
"""A job whose workers died runs alone, in a process of its own."""
import os
import re
import signal
import subprocess

import pytest

from harness import FAILED, message, wait_until, webhook, why_of


def crashed_before(house, id, crashes=2):
    """A queued message whose workers died `crashes` times."""
    assert house.api.post(webhook(message(id))).status == 200
    job_id = wait_until(lambda: [j for j in house.job_ids()], 5)[0]
    house.redis.text.hset(f"rq:job:{job_id}", "prosaas_crashes", crashes)
    return job_id


@pytest.fixture
def house(stage):
    stage.start_ai()
    stage.api, worker = stage.pipeline(tenant={"prompt": "You sell boats."})
    worker.stop()
    return stage


def solo_of(worker):
    """The process id of the worker's solo, or None."""
    out = subprocess.run(["pgrep", "-P", str(worker.pid), "-f", "prosaas solo"],
                         capture_output=True, text=True).stdout.split()
    return int(out[0]) if out else None


def test_it_is_answered_like_any_other(house):
    job_id = crashed_before(house, "CALM")
    worker = house.start("worker")
    house.wait_at_rest()
    assert len(house.gateway.sent()) == 1
    assert house.job(job_id).get_status() == "finished"
    assert re.search(r"solo .*\[WEBHOOK_JOB\] tenant=1", worker.log()), "it ran in a solo"
    assert solo_of(worker) is None


def test_below_two_crashes_it_runs_in_the_worker(house):
    crashed_before(house, "ONCE", crashes=1)
    worker = house.start("worker")
    house.wait_at_rest()
    assert " solo " not in worker.log()


def test_a_crash_there_is_poison_and_costs_the_worker_nothing(house):
    house.ai.faults("hang")
    job_id = crashed_before(house, "BAD")
    worker = house.start("worker")
    pid = wait_until(lambda: solo_of(worker), 10, "its process")
    wait_until(lambda: house.ai.requests(), 10, "it is in the middle of it")
    os.kill(pid, signal.SIGKILL)  # a sanitizer would report any other
    wait_until(lambda: house.redis.text.zscore(FAILED, job_id), 10, "quarantined")
    assert "poison" in why_of(house.job(job_id))
    assert house.redis.text.hget(f"rq:job:{job_id}", "prosaas_reason").startswith("poison")
    assert worker.alive()
    house.ai.faults("ok")
    assert house.api.post(webhook(message("NEXT"))).status == 200
    wait_until(lambda: len(house.gateway.sent()) == 1, 10, "the chat goes on")


def test_a_stopped_job_s_process_ends(house):
    house.ai.faults("hang")
    job_id = crashed_before(house, "STOP")
    worker = house.start("worker")
    pid = wait_until(lambda: solo_of(worker), 10, "its process")
    wait_until(lambda: house.ai.requests(), 10, "it is in the middle of it")
    from rq.command import send_stop_job_command
    send_stop_job_command(house.redis.bytes, job_id)
    wait_until(lambda: house.redis.text.zscore(FAILED, job_id), 10, "stopped")
    assert house.job(job_id).get_status() == "stopped"
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 5, "the process is gone")
    assert worker.alive()


def test_it_ends_with_its_worker(house):
    house.ai.faults("hang")
    crashed_before(house, "ORPHAN")
    worker = house.start("worker")
    pid = wait_until(lambda: solo_of(worker), 10, "its process")
    wait_until(lambda: house.ai.requests(), 10, "it is in the middle of it")
    worker.kill()
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), 5, "the process is gone")
