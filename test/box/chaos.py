# SPDX-License-Identifier: MIT
"""chaos: what tests that kill processes share: dice, a census, an early morning.

    dice = chaos.dice("conservation")     its seed is printed; SEED=n throws it again
    chaos.census(stage)["total"]          every job, wherever its id is
    chaos.end_leases(stage)               the leases of who was killed end now
"""
import datetime
import json
import os
import pathlib
import random
import time

from rq.job import Job

from harness import FUNCTION, PATIENCE, figure

CENSUS = (pathlib.Path(__file__).parent / "census.lua").read_text(encoding="utf-8")
QUEUES = ("high", "default", "low", "maintenance", "broadcasts", "prosaas")
CRASHES_MOST = 3  # a job that saw five workers die is poison: that is another test

# ARGV: started before (ISO), most crashes.  Returns how many leases ended.
END_LEASES = """
local ended = 0
for _, id in ipairs(redis.call('ZRANGE', 'rq:wip:default', 0, -1)) do
    local h = redis.call('HMGET', 'rq:job:' .. id, 'started_at', 'prosaas_crashes')
    if (h[1] or '') < ARGV[1] and tonumber(h[2] or 0) < tonumber(ARGV[2]) then
        redis.call('ZADD', 'rq:wip:default', 0, id)
        ended = ended + 1
    end
end
return ended
"""


def dice(name):
    seed = int(os.environ.get("SEED", 0)) or random.SystemRandom().randrange(1, 1 << 32)
    figure(f"{name}: seed {seed}")
    return random.Random(seed)


def census(stage):
    """Counts all jobs in one step; fails if what it sees can't be."""
    found = json.loads(stage.redis.text.eval(CENSUS, 0, *QUEUES))
    found["places"] = dict(found["places"])
    assert not found["wrong"], found
    return found


def unix(date):
    """A date of RQ's, which has no zone and means UTC."""
    return date.replace(tzinfo=datetime.timezone.utc).timestamp()


def started_at(stage, id):
    return unix(stage.job(id).started_at)


def save_job(connection, m, name="default", tenant="1"):
    """A job as the door writes it, in no list yet; returns its id."""
    job = Job.create(FUNCTION, kwargs={"tenant_id": tenant, "messages": [m]}, connection=connection,
                     origin=name, status="queued")
    job.enqueued_at = job.created_at
    connection.hset(job.key, mapping={**job.to_dict(), "prosaas_tenant": tenant,
                                      "prosaas_lane": f"{tenant}:{m['key']['remoteJid']}"})
    return job.id


def end_leases(stage, seconds=1.0):
    """Ends the lease of every job that has run for that long, so that a short test
    need not wait until a dead worker's leases end by themselves.  A living worker
    whose job this hits is a worker that slept: its outcome is refused."""
    before = datetime.datetime.fromtimestamp(time.time() - seconds * PATIENCE, datetime.timezone.utc)
    return stage.redis.text.eval(END_LEASES, 0, before.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), CRASHES_MOST)


def crashes_most(stage):
    """The highest crash count among the jobs that run."""
    with stage.redis.text.pipeline(transaction=False) as p:
        for id in stage.redis.text.zrange("rq:wip:default", 0, -1):
            p.hget(f"rq:job:{id}", "prosaas_crashes")
        return max((int(n or 0) for n in p.execute()), default=0)


def firsts(stage):
    """What the gateway sent, in order, without repeats of a key."""
    return [s for s in stage.gateway.sent() if s["first"]]
