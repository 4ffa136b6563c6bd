/* SPDX-License-Identifier: MIT */
/* redis.c: checks of Redis itself.  Most read INFO, which also a managed Redis that
 * forbids CONFIG answers. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "codec/val.h"
#include "doctor/looks.h"

enum {
	MEMORY_WARN_PCT = 80,
	MEMORY_BAD_PCT = 90, /* what is accepted in minutes of full load is left */
	SKEW_WARN_MS = 1000,
	SKEW_BAD_MS = 5000, /* a third of a lease; a heartbeat counts for 30 s */
	OLDEST_MAJOR = 6,   /* LPOP with a count, and BLMOVE, are 6.2's */
	OLDEST_MINOR = 2,
};

void
look_redis(struct doctor *d, struct finding *f)
{
	const char *url = d->s->redis_url;
	char err[256];

	if (!url) {
		found(d, f, VERDICT_BAD,
			"REDIS_URL is not set, and no `prosaas all` runs on "
			"DATA_DIR=%s",
			d->s->data_dir);
		return;
	}
	if (redis_url_check(url, err) < 0) {
		found(d, f, VERDICT_BAD, "%s", err);
		return;
	}
	struct str shown = doctor_url_shown(d, url);
	const struct val *info =
		redis_ready(d->ask.redis) ? ask_redis(&d->ask, "INFO") : NULL;
	if (info) {
		d->info = val_text(info);
		found(d, f, VERDICT_OK, "%.*s answers", STR_FMT(shown));
	} else {
		const char *why = redis_trouble(d->ask.redis);

		found(d, f, VERDICT_BAD, "%.*s: %s", STR_FMT(shown),
			*why ? why : d->ask.words);
	}
}

void
look_redis_version(struct doctor *d, struct finding *f)
{
	struct str v = doctor_info(d, "redis_version"), rest = v;
	int64_t major = 0, minor = 0;

	if (str_int(str_cut(&rest, '.'), &major) < 0 ||
		str_int(str_cut(&rest, '.'), &minor) < 0) {
		found(d, f, VERDICT_UNKNOWN, "INFO names no redis_version");
		return;
	}
	bool old =
		major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR);
	found(d, f, old ? VERDICT_BAD : VERDICT_OK, "Redis %.*s%s", STR_FMT(v),
		old ? ", and 6.2 is the oldest that has what workers need" : "");
}

void
look_redis_role(struct doctor *d, struct finding *f)
{
	struct str role = doctor_info(d, "role");

	if (str_eqz(role, "slave"))
		found(d, f, VERDICT_BAD, "it is a replica of %.*s:%.*s, link %.*s",
			STR_FMT(doctor_info(d, "master_host")),
			STR_FMT(doctor_info(d, "master_port")),
			STR_FMT(doctor_info(d, "master_link_status")));
	else
		found(d, f, VERDICT_OK, "role %.*s", STR_FMT(role));
}

/* A setting of Redis that --fix changes.  It lasts until Redis restarts; whether
 * Redis can keep it itself depends on whether it was started with a file. */
static bool
set_config(struct doctor *d, const char *name, const char *value, char words[256])
{
	if (!ask_redis(&d->ask, "CONFIG", "SET", name, value)) {
		snprintf(words, 256, "CONFIG SET %s %s: %s", name, value, d->ask.words);
		return false;
	}
	bool kept = ask_redis(&d->ask, "CONFIG", "REWRITE") != NULL;
	snprintf(words, 256, "CONFIG SET %s %s%s", name, value,
		kept ? ", and written to its redis.conf (CONFIG REWRITE)"
		     : "; to keep it over a restart, put it into redis.conf or "
		       "redis-server's words: Redis runs without a file");
	return true;
}

void
look_redis_policy(struct doctor *d, struct finding *f)
{
	struct str policy = doctor_info(d, "maxmemory_policy");
	double most = (double)doctor_info_number(d, "maxmemory", 0);
	bool fine = str_eqz(policy, "noeviction");

	found(d, f, fine ? VERDICT_OK : VERDICT_BAD,
		"maxmemory-policy is %.*s, maxmemory %.*s", STR_FMT(policy),
		STR_FMT(most > 0 ? doctor_bytes(d, most) : STR("not set")));
}

bool
fix_redis_policy(struct doctor *d, char words[256])
{
	return set_config(d, "maxmemory-policy", "noeviction", words);
}

void
look_redis_aof(struct doctor *d, struct finding *f)
{
	const struct val *got;

	if (doctor_info_number(d, "aof_enabled", 0) == 0) {
		found(d, f, VERDICT_BAD, "aof_enabled is 0: Redis writes no log");
		return;
	}
	got = ask_redis(&d->ask, "CONFIG", "GET", "appendfsync");
	struct str sync = val_text(val_at(got, 1));
	if (!sync.p)
		found(d, f, VERDICT_OK, "appendonly yes");
	else if (str_eqz(sync, "no"))
		found(d, f, VERDICT_WARN,
			"appendonly yes, appendfsync no: what the system has not "
			"written yet is lost with it");
	else
		found(d, f, VERDICT_OK, "appendonly yes, appendfsync %.*s%s",
			STR_FMT(sync),
			str_eqz(sync, "always")
				? ""
				: ": a second of accepted messages may be lost with "
				  "the machine");
}

bool
fix_redis_aof(struct doctor *d, char words[256])
{
	if (doctor_info_number(d, "aof_enabled", 0) == 0)
		return set_config(d, "appendonly", "yes", words);
	return set_config(d, "appendfsync", "everysec", words);
}

void
look_redis_writes(struct doctor *d, struct finding *f)
{
	static const char *const states[] = {"aof_last_write_status",
		"aof_last_bgrewrite_status", "rdb_last_bgsave_status"};

	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		struct str is = doctor_info(d, states[i]);

		if (!is.p || str_eqz(is, "ok"))
			continue;
		found(d, f, VERDICT_BAD, "%s is %.*s", states[i], STR_FMT(is));
		if (i > 0)
			found_mend(d, f, "redis-cli %s  # when there is room: df -h",
				i == 1 ? "BGREWRITEAOF" : "BGSAVE");
		return;
	}
	found(d, f, VERDICT_OK, "the last writes of log and snapshot succeeded");
}

void
look_redis_memory(struct doctor *d, struct finding *f)
{
	double used = (double)doctor_info_number(d, "used_memory", 0);
	double most = (double)doctor_info_number(d, "maxmemory", 0);
	const char *of = "maxmemory,";

	if (most <= 0) {
		most = (double)doctor_info_number(d, "total_system_memory", 0);
		of = "its machine's memory (maxmemory is not set),";
	}
	if (most <= 0) {
		found(d, f, VERDICT_UNKNOWN, "INFO names no limit");
		return;
	}
	double pct = 100 * used / most;
	found(d, f,
		pct >= MEMORY_BAD_PCT    ? VERDICT_BAD
		: pct >= MEMORY_WARN_PCT ? VERDICT_WARN
					 : VERDICT_OK,
		"%.*s used, %.0f %% of %s %.*s", STR_FMT(doctor_bytes(d, used)), pct,
		of, STR_FMT(doctor_bytes(d, most)));
	int64_t more = (int64_t)(most * 2 / (1 << 20)) + 1;
	found_mend(d, f,
		"redis-cli CONFIG SET maxmemory %lldmb  # if the machine has it",
		(long long)more);
}

void
look_redis_clock(struct doctor *d, struct finding *f)
{
	int64_t before_us = clock_wall_us();
	const struct val *time = ask_redis(&d->ask, "TIME");
	int64_t after_us = clock_wall_us();

	int64_t s = val_int(val_at(time, 0), -1), us = val_int(val_at(time, 1), -1);
	if (s < 0 || us < 0) {
		found(d, f, VERDICT_UNKNOWN, "TIME: %s", d->ask.words);
		return;
	}
	/* What the answer's way took is no skew. */
	int64_t there_us = s * 1000000 + us;
	int64_t skew_us = there_us < before_us  ? there_us - before_us
			  : there_us > after_us ? there_us - after_us
						: 0;
	int64_t skew_ms = llabs(skew_us) / 1000;
	found(d, f,
		skew_ms >= SKEW_BAD_MS    ? VERDICT_BAD
		: skew_ms >= SKEW_WARN_MS ? VERDICT_WARN
					  : VERDICT_OK,
		"Redis's clock is %.3f s %s this machine's", (double)skew_ms / 1000,
		skew_us < 0 ? "behind" : "ahead of");
}
