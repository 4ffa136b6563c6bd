# SPDX-License-Identifier: MIT
"""gauges: what must stay flat, looked at again and again, and the line through it.

    gauges = Gauges(stage)
    gauges.look() ...                     a sample
    gauges.growth("worker rss")           by how much the fitted line rises from the first sample to the last

A line through all samples and not the last less the first: a single sample is high or low by chance.
"""
import re
import time

from harness import Role

# How many keys there are of each form, how many of them have no end, and how many members
# they hold (of jobs and locks that is of no interest).  What names a job, a chat, a tenant or a
# worker is a *.
KEYS = r"""
local found, cursor = {}, '0'
local sizes = { list = 'LLEN', set = 'SCARD', zset = 'ZCARD', hash = 'HLEN', stream = 'XLEN' }
local many = { ['rq:job:*'] = true, ['rq:results:*'] = true, ['job_lock:*'] = true }
local forms = {
    { '^rq:job:cron_.*', 'rq:job:cron_*' }, { '^rq:job:.*', 'rq:job:*' }, { '^rq:results:.*', 'rq:results:*' },
    { '^rq:worker:.*', 'rq:worker:*' }, { '^job_lock:.*', 'job_lock:*' },
    { '^prosaas:lane:.*:wait$', 'prosaas:lane:*:wait' }, { '^prosaas:lane:.*', 'prosaas:lane:*' },
    { '^prosaas:ready:([^:]*):.*', 'prosaas:ready:%1:*' },
    { '^prosaas:session:.*', 'prosaas:session:*' }, { '^prosaas:paused:.*', 'prosaas:paused:*' },
}
repeat
    local page = redis.call('SCAN', cursor, 'COUNT', 1000)
    cursor = page[1]
    for _, key in ipairs(page[2]) do
        local form, n = key, 0
        for _, f in ipairs(forms) do
            form, n = string.gsub(key, f[1], f[2])
            if n > 0 then break end
        end
        local row = found[form] or { 0, 0, 0 }
        found[form] = row
        row[1] = row[1] + 1
        if redis.call('PTTL', key) == -1 then
            row[2] = row[2] + 1
        end
        if not many[form] then
            local size = sizes[redis.call('TYPE', key).ok]
            row[3] = row[3] + (size and redis.call(size, key) or 1)
        end
    end
until cursor == '0'
local out = {}
for form, row in pairs(found) do
    out[#out + 1] = { form, row[1], row[2], row[3] }
end
return out
"""


def slope(points):
    """Of the least-squares line through (x, y)."""
    n = len(points)
    x_mean, y_mean = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - x_mean) ** 2 for x, _ in points)
    return sum((x - x_mean) * (y - y_mean) for x, y in points) / spread if spread else 0.0


class Gauges:
    def __init__(self, stage):
        self.stage = stage
        self.wal = stage.data / "prosaas.db-wal"
        self.clear()

    def clear(self):
        """What was seen is forgotten: the system was still warming up."""
        self.samples = {}  # name -> [(when, value)]
        self.began = time.monotonic()

    def keys(self):
        """{form: (keys, of them without end, members)}"""
        return {form: tuple(row) for form, *row in self.stage.redis.text.eval(KEYS, 0)}

    def look(self):
        now = time.monotonic() - self.began
        for name, value in self.values().items():
            self.samples.setdefault(name, []).append((now, value))

    def values(self):
        info = self.stage.redis.text.info()
        seen = {"redis used_memory": info["used_memory"] / 1024, "redis clients": info["connected_clients"],
                "redis aof": info["aof_current_size"] / 1024, "redis aof rewrites": info["aof_rewrites"],
                "wal": self.wal.stat().st_size / 1024 if self.wal.exists() else 0}
        for p in self.stage.procs:
            if isinstance(p, Role):
                seen |= {f"{p.name} rss": p.rss_kb(), f"{p.name} fds": p.open_fds()}
        for form, (keys, _, members) in self.keys().items():
            seen |= {f"keys {form}": keys, f"members {form}": members}
        return seen

    def of(self, what):
        """The names in which the pattern is found."""
        return sorted(n for n in self.samples if re.search(what, n))

    def growth(self, name):
        points = self.samples[name]
        return slope(points) * (points[-1][0] - points[0][0])

    def last(self, name):
        return self.samples[name][-1][1]

    def most(self, name):
        return max(v for _, v in self.samples[name])

    def mean(self, name):
        return sum(v for _, v in self.samples[name]) / len(self.samples[name])

    def line(self, name, unit=""):
        return f"{name} {self.mean(name):.0f}{unit} ({self.growth(name):+.1f})"
