/* SPDX-License-Identifier: MIT */
/* host.c: checks of this machine and of the settings of this environment. */
#include <errno.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "doctor/looks.h"
#include "store/store.h"

enum {
	DISK_WARN_PCT = 10,
	DISK_BAD_PCT = 5,
	DISK_WARN_MIB = 1024,
	DISK_BAD_MIB = 200, /* below it a log rewrite of Redis may fail */
	SECRET_MIN = 16,
	FILES_OTHER = 64, /* beside connections and jobs: libraries, log, database */
};

/* --- disk ------------------------------------------------------------------- */

/* The folder of the database, or of what stands before a file that is not there. */
static const char *
folder_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return arena_printf(a, "%.*s", slash == path ? 1 : (int)(slash - path), path).p;
}

static enum verdict
judge_disk(double free_bytes, double all_bytes)
{
	double pct = 100 * free_bytes / all_bytes, mib = free_bytes / (1 << 20);

	/* A large disk may be 96 % full and have room for a year. */
	if (mib < DISK_BAD_MIB || (pct < DISK_BAD_PCT && mib < DISK_WARN_MIB))
		return VERDICT_BAD;
	return mib < DISK_WARN_MIB || (pct < DISK_WARN_PCT && mib < 8 * DISK_WARN_MIB)
		       ? VERDICT_WARN
		       : VERDICT_OK;
}

/* The worst of the folders is what is said. */
void
look_disk(struct doctor *d, struct finding *f)
{
	struct str url = str_of(store_url(d->s, &d->arena)), sqlite = STR("sqlite:///");
	const char *folders[] = {d->s->data_dir,
		str_starts(url, sqlite) ? folder_of(&d->arena, url.p + sqlite.n)
					: NULL};
	struct statvfs fs;
	int looked = 0;

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		if (!folders[i] || statvfs(folders[i], &fs) < 0 || fs.f_blocks == 0)
			continue;
		double free_bytes = (double)fs.f_bavail * (double)fs.f_frsize;
		double all_bytes = (double)fs.f_blocks * (double)fs.f_frsize;
		enum verdict v = judge_disk(free_bytes, all_bytes);

		if (looked++ > 0 && v <= f->verdict)
			continue;
		found(d, f, v, "%s: %.*s free of %.*s", folders[i],
			STR_FMT(doctor_bytes(d, free_bytes)),
			STR_FMT(doctor_bytes(d, all_bytes)));
		found_mend(d, f, "du -xh %s | sort -h | tail", folders[i]);
	}
	if (looked == 0)
		found(d, f, VERDICT_UNKNOWN, "DATA_DIR=%s: %s", d->s->data_dir,
			strerror(errno));
}

/* --- descriptors ------------------------------------------------------------ */

void
look_files(struct doctor *d, struct finding *f)
{
	struct rlimit files;
	/* The api takes three quarters of the limit for connections; a worker has up
	 * to two for a job. */
	int64_t api = d->s->max_connections * 4 / 3 + FILES_OTHER;
	int64_t worker = 2 * d->s->worker_concurrency + FILES_OTHER;
	int64_t wanted = api > worker ? api : worker;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0) {
		found(d, f, VERDICT_UNKNOWN, "%s", strerror(errno));
		return;
	}
	bool fine =
		files.rlim_max == RLIM_INFINITY || (int64_t)files.rlim_max >= wanted;
	found(d, f, fine ? VERDICT_OK : VERDICT_WARN,
		"%lld open files are allowed here; MAX_CONNECTIONS=%lld and "
		"WORKER_CONCURRENCY=%lld want %lld",
		(long long)files.rlim_max, (long long)d->s->max_connections,
		(long long)d->s->worker_concurrency, (long long)wanted);
	found_mend(d, f,
		"ulimit -n %lld  # or LimitNOFILE= of the unit, ulimits: of "
		"compose; then restart",
		(long long)wanted);
}

/* --- secret ----------------------------------------------------------------- */

/* Of guides, compose files and examples. */
static const char *const examples[] = {"changeme", "change-me", "change_me", "secret",
	"password", "test", "example", "your-secret-here", "your_internal_secret",
	"your-internal-secret", "internal-secret", "internal_secret", "supersecret",
	"dev-secret", "replace-me", "prosaas", "admin", "12345678", "1234567890123456"};

static const char *
weakness(struct str secret)
{
	size_t same = 1;

	for (size_t i = 0; i < ARRAY_LEN(examples); i++)
		if (str_ieq(secret, str_of(examples[i])))
			return "is one of the examples that everybody tries";
	if (secret.n != str_trim(secret).n)
		return "has blanks or a line end around it";
	if (secret.n > 1 && (secret.p[0] == '"' || secret.p[0] == '\'') &&
		secret.p[secret.n - 1] == secret.p[0])
		return "has quotes around it, which are taken as part of it";
	if (secret.n < SECRET_MIN)
		return "is shorter than 16 characters";
	while (same < secret.n && secret.p[same] == secret.p[0])
		same++;
	return same == secret.n ? "is one character again and again" : NULL;
}

void
look_secret(struct doctor *d, struct finding *f)
{
	struct str secret = str_of(d->s->internal_secret);
	const char *weak;

	if (secret.n == 0) {
		found(d, f, VERDICT_BAD,
			"INTERNAL_SECRET is not set: every webhook is answered 401");
		return;
	}
	weak = weakness(secret);
	if (weak)
		found(d, f, VERDICT_BAD, "INTERNAL_SECRET %s", weak);
	else
		found(d, f, VERDICT_OK, "INTERNAL_SECRET is set, %zu characters",
			secret.n);
}

/* --- settings that contradict each other -------------------------------------- */

static bool
same(const char *a, const char *b)
{
	return a && b && *a && strcmp(a, b) == 0;
}

static bool
no_default_queue(const struct settings *s)
{
	return !str_lists(str_of(s->rq_queues), STR("default"));
}

static bool
short_jobs(const struct settings *s)
{
	return s->job_timeout_s <= s->ai_timeout_s;
}

static bool
greedy_tenants(const struct settings *s)
{
	return s->tenant_concurrency > s->worker_concurrency;
}

static bool
one_port(const struct settings *s)
{
	return s->port != 0 &&
	       (s->port == s->admin_port || s->port == s->metrics_port ||
		       (s->admin_port != 0 && s->admin_port == s->metrics_port));
}

static bool
no_rotation(const struct settings *s)
{
	return same(s->internal_secret, s->internal_secret_previous);
}

static bool
one_secret(const struct settings *s)
{
	return same(s->internal_secret, s->admin_token);
}

static bool
idle_key(const struct settings *s)
{
	return strcmp(s->ai_provider, "builtin") == 0 && s->openai_api_key;
}

static bool
open_stats(const struct settings *s)
{
	return strcmp(s->stats_auth, "off") == 0 &&
	       (!s->host || strncmp(s->host, "127.", 4) != 0);
}

static bool
test_jobs(const struct settings *s)
{
	return strcmp(s->test_jobs, "on") == 0;
}

static bool
no_cron_file(const struct settings *s)
{
	return s->cron_file && access(s->cron_file, R_OK) < 0;
}

static bool
short_dedupe(const struct settings *s)
{
	return s->dedupe_ttl_s < 60;
}

static const struct {
	bool (*holds)(const struct settings *s);
	enum verdict verdict;
	const char *says;
} contradictions[] = {
	{no_default_queue, VERDICT_BAD,
		"RQ_QUEUES has no `default`: webhooks are queued there, and no worker "
		"takes them"},
	{one_port, VERDICT_BAD,
		"PORT, ADMIN_PORT and METRICS_PORT are not three ports"},
	{no_cron_file, VERDICT_BAD,
		"CRON_FILE can't be read: the scheduler won't start"},
	{short_jobs, VERDICT_BAD,
		"JOB_TIMEOUT is not above AI_TIMEOUT: jobs end before the AI may "
		"answer"},
	{greedy_tenants, VERDICT_WARN,
		"TENANT_CONCURRENCY is above WORKER_CONCURRENCY: one tenant may have "
		"all "
		"of a worker"},
	{no_rotation, VERDICT_WARN,
		"INTERNAL_SECRET_PREVIOUS is INTERNAL_SECRET: nothing is being "
		"rotated"},
	{one_secret, VERDICT_WARN,
		"ADMIN_TOKEN is INTERNAL_SECRET: whoever may send webhooks may do "
		"everything"},
	{idle_key, VERDICT_WARN,
		"OPENAI_API_KEY is set, and AI_PROVIDER=builtin asks no AI"},
	{open_stats, VERDICT_WARN,
		"STATS_AUTH=off on an address that others reach: anybody may read "
		"/metrics"},
	{test_jobs, VERDICT_WARN,
		"TEST_JOBS=on: who can write to Redis can crash workers"},
	{short_dedupe, VERDICT_WARN,
		"DEDUPE_TTL is below a minute: a webhook that is delivered again costs "
		"a "
		"job"},
};

void
look_settings(struct doctor *d, struct finding *f)
{
	enum verdict worst = VERDICT_OK;
	struct str all = STR("");

	for (size_t i = 0; i < ARRAY_LEN(contradictions); i++) {
		if (!contradictions[i].holds(d->s))
			continue;
		all = arena_printf(&d->arena, "%.*s%s%s", STR_FMT(all),
			all.n ? "; " : "", contradictions[i].says);
		if (contradictions[i].verdict > worst)
			worst = contradictions[i].verdict;
	}
	found(d, f, worst, "%.*s",
		STR_FMT(all.n ? all : STR("none of those in force contradict")));
}
