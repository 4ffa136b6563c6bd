/* SPDX-License-Identifier: MIT */
/* cli_bench.c: prosaas bench: real webhooks at a rate, and how long each took.
 *
 *   every millisecond: start what is due ---> answered ---> its time, from when it was
 *   due ---> the last is answered, or the signal: report
 *
 * The plan does not wait for answers.  A webhook that is late because we or the server
 * were stuck counts from the moment it was due (else those that a stall kept from being
 * sent would be missing from the percentiles: coordinated omission).  `asked` is the
 * same from when it left, for comparison. */
#include "cli_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/settings.h"
#include "cli_file.h"
#include "cli_progress.h"
#include "cli_words.h"
#include "codec/tenant.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "role/home.h"
#include "role/probe.h"

enum {
	RATE = 100,
	SECONDS = 10,
	CHATS = 100,
	RATE_MAX = 100000,
	TOTAL_MAX = 20 << 20, /* times that are kept: 160 MB */
	CALL_MS = 10000,      /* as long as the api gives a request */
	WORDS_MAX = 8,        /* different failures told */
	SECRET_MAX = 4096,
};

struct failure {
	char words[96];
	int64_t count;
};

struct bench {
	const struct settings *s;
	struct arena arena;
	struct cli_words words;
	struct str url, tenant;
	int64_t rate, seconds, chats;
	bool yes, json;

	struct loop loop;
	struct http_client *http;
	uv_timer_t tick;
	const char *headers[3];
	char run[17]; /* in each message's id */
	int64_t total, started, ended, good, began_us, last_us;
	uint32_t *due_us, *asked_us; /* of each that ended */
	struct failure failures[WORDS_MAX];
	size_t failure_count;
	TAILQ_HEAD(, shot) spare;
};

struct shot {
	struct flow flow;
	struct http_call call;
	struct bench *bench;
	int64_t due_us, asked_us;
	struct buf body;
	TAILQ_ENTRY(shot) next;
};

static int run(void *into);

static const struct cli_row rows[] = {
	{"", run, 0, 0,
		"[--rate N] [--for SECONDS] [--tenant T] [--chats N] [--url URL] "
		"[--yes] [--json]",
		"Sends N (100) real webhooks a second for SECONDS (10) to the api, "
		"from "
		"chats that\n"
		"can't exist (+999...), and prints rate, percentiles and errors.  They "
		"are worked\n"
		"and answered like any other: give them a tenant.  Another machine's "
		"URL asks for\n"
		"--yes.  Exits 1 when a webhook was not answered 200."},
};

static const struct cli_option options[] = {
	{"--rate", CLI_NUMBER, offsetof(struct bench, rate)},
	{"--for", CLI_NUMBER, offsetof(struct bench, seconds)},
	{"--tenant", CLI_TEXT, offsetof(struct bench, tenant)},
	{"--chats", CLI_NUMBER, offsetof(struct bench, chats)},
	{"--url", CLI_TEXT, offsetof(struct bench, url)},
	{"--yes", CLI_FLAG, offsetof(struct bench, yes)},
	{"--json", CLI_FLAG, offsetof(struct bench, json)},
};

static const struct cli_command command = {
	"bench", rows, ARRAY_LEN(rows), options, ARRAY_LEN(options)};

/* --- one webhook ----------------------------------------------------------- */

static void
note_failure(struct bench *b, const char *words)
{
	size_t i = 0;

	while (i < b->failure_count && strcmp(b->failures[i].words, words) != 0)
		i++;
	if (i == b->failure_count && i >= WORDS_MAX - 1) {
		i = WORDS_MAX - 1;
		words = "otherwise";
	}
	if (i == b->failure_count)
		snprintf(b->failures[b->failure_count++].words,
			sizeof(b->failures->words), "%s", words);
	b->failures[i].count++;
}

static uint32_t
since(int64_t from_us, int64_t now_us)
{
	int64_t us = now_us - from_us;

	return us < UINT32_MAX ? (uint32_t)us : UINT32_MAX;
}

static int
answered(struct flow *f)
{
	struct shot *shot = container_of(f, struct shot, flow);
	struct bench *b = shot->bench;
	int64_t now_us = clock_mono_us();
	char words[96];

	b->due_us[b->ended] = since(shot->due_us, now_us);
	b->asked_us[b->ended] = since(shot->asked_us, now_us);
	b->ended++;
	b->last_us = now_us;
	if (shot->call.err == 0 && shot->call.status == 200) {
		b->good++;
	} else {
		snprintf(words, sizeof(words), "answered %d", shot->call.status);
		note_failure(b, shot->call.err < 0
					? (*shot->call.words ? shot->call.words
							     : err_text(shot->call.err))
					: words);
	}
	http_call_done(&shot->call);
	return 0;
}

static void
on_done(struct flow *f, int err)
{
	struct shot *shot = container_of(f, struct shot, flow);
	struct bench *b = shot->bench;

	(void)err;
	TAILQ_INSERT_HEAD(&b->spare, shot, next);
	if (b->ended == b->total)
		loop_quit(&b->loop);
}

static struct shot *
shot_new(struct bench *b)
{
	struct shot *shot = TAILQ_FIRST(&b->spare);

	if (shot) {
		TAILQ_REMOVE(&b->spare, shot, next);
		return shot;
	}
	shot = xcalloc(1, sizeof(*shot));
	buf_init(&shot->body);
	shot->bench = b;
	return shot;
}

static void
write_body(struct bench *b, struct buf *out, int64_t i)
{
	buf_clear(out, 4096);
	buf_addf(out,
		"{\"tenantId\":\"%.*s\",\"payload\":{\"messages\":[{\"key\":{\"id\":"
		"\"BENCH%s%lld\",\"remoteJid\":\"999%011lld@s.whatsapp.net\","
		"\"fromMe\":false},\"messageTimestamp\":%lld,\"message\":{"
		"\"conversation\":\"prosaas bench\"}}]}}",
		STR_FMT(b->tenant), b->run, (long long)i, (long long)(i % b->chats),
		(long long)(clock_wall_us() / 1000000));
}

static void
start(struct bench *b, int64_t due_us)
{
	struct shot *shot = shot_new(b);

	write_body(b, &shot->body, b->started++);
	shot->due_us = due_us;
	shot->asked_us = clock_mono_us();
	shot->call = (struct http_call){.method = "POST",
		.url = b->url.p,
		.headers = b->headers,
		.body = buf_str(&shot->body),
		.timeout_ms = CALL_MS};
	flow_init(&shot->flow, answered, "answered", on_done);
	http_call_start(b->http, &shot->call, &shot->flow);
}

static void
on_tick(uv_timer_t *t)
{
	struct bench *b = t->data;
	int64_t now_us = clock_mono_us();

	while (b->started < b->total) {
		int64_t due_us = b->began_us + b->started * 1000000 / b->rate;

		if (due_us > now_us)
			break;
		start(b, due_us);
	}
	cli_progress("webhooks", b->ended, b->total);
}

/* A person has seen enough: what was sent is reported. */
static void
on_stop(void *arg)
{
	struct bench *b = arg;

	b->total = b->started;
	if (b->ended == b->total)
		loop_quit(&b->loop);
}

/* --- the report ------------------------------------------------------------ */

static int
by_size(const void *pa, const void *pb)
{
	uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;

	return (a > b) - (a < b);
}

static double
percentile_ms(const uint32_t *sorted, int64_t n, double p)
{
	int64_t at = (int64_t)((double)n * p / 100);

	return n == 0 ? 0 : sorted[at < n ? at : n - 1] / 1000.0;
}

static const struct {
	const char *name, *key;
	double p;
} ranks[] = {{"p50", "p50", 50}, {"p90", "p90", 90}, {"p99", "p99", 99},
	{"p99.9", "p999", 99.9}, {"max", "max", 100}};

static void
report_times(const struct bench *b, const char *name, const uint32_t *us)
{
	printf(b->json ? ",\"%s_ms\":{" : "%-13s", name);
	for (size_t i = 0; i < ARRAY_LEN(ranks); i++) {
		double ms = percentile_ms(us, b->ended, ranks[i].p);

		if (b->json)
			printf("%s\"%s\":%.3f", i > 0 ? "," : "", ranks[i].key, ms);
		else
			printf(" %s %.1f", ranks[i].name, ms);
	}
	fputs(b->json ? "}" : " ms\n", stdout);
}

static void
report(const struct bench *b)
{
	double seconds = (double)(b->last_us - b->began_us) / 1e6;
	double rate = seconds > 0 ? (double)b->ended / seconds : 0;

	if (b->json) {
		printf("{\"sent\":%lld,\"ok\":%lld,\"seconds\":%.3f,\"rate\":%.1f,"
		       "\"rate_wanted\":%lld",
			(long long)b->ended, (long long)b->good, seconds, rate,
			(long long)b->rate);
	} else {
		printf("%lld webhooks in %.1f s: %.1f a second of %lld wanted, "
		       "%lld answered 200\n",
			(long long)b->ended, seconds, rate, (long long)b->rate,
			(long long)b->good);
	}
	report_times(b, b->json ? "due" : "from its time", b->due_us);
	report_times(b, b->json ? "asked" : "from the ask", b->asked_us);
	if (b->json)
		puts("}");
	for (size_t i = 0; i < b->failure_count; i++)
		fprintf(stderr, "prosaas: %lld webhooks: %s\n",
			(long long)b->failures[i].count, b->failures[i].words);
}

/* --- the command ----------------------------------------------------------- */

/* Another machine is one that the host does not say is this; user@host is one. */
static bool
is_here(struct str url)
{
	const char *at = strstr(url.p, "://");
	struct str host = str_of(at ? at + 3 : url.p);

	host.n = strcspn(host.p, "/?#");
	return !memchr(host.p, '@', host.n) && is_loopback_host(host);
}

/* INTERNAL_SECRET, or that of an `all` on DATA_DIR. */
static int
find_secret(struct bench *b)
{
	struct str secret = str_of(b->s->internal_secret ? b->s->internal_secret : "");
	const char *path = arena_printf(&b->arena, "%s/" HOME_SECRET, b->s->data_dir).p;

	if (secret.n == 0 && access(path, F_OK) < 0) {
		fputs("prosaas: INTERNAL_SECRET is not set: every webhook would be "
		      "401\n",
			stderr);
		return -1;
	}
	if (secret.n == 0 && cli_file(&b->arena, path, SECRET_MAX, &secret) < 0)
		return -1;
	b->headers[0] = arena_printf(
		&b->arena, "X-Internal-Secret: %.*s", STR_FMT(str_trim(secret)))
				.p;
	b->headers[1] = "Content-Type: application/json";
	return 0;
}

static const char *
wrong_words(struct bench *b)
{
	if (b->rate < 1 || b->rate > RATE_MAX)
		return "--rate: from 1 to 100000";
	if (b->seconds < 1 || b->seconds > TOTAL_MAX / b->rate)
		return "--for: at least 1, and at most 20 million webhooks in all";
	if (b->chats < 1)
		return "--chats: at least 1";
	if (!tenant_is_id(b->tenant))
		return "--tenant: not the id of a tenant";
	if (!is_here(b->url) && !b->yes)
		return "--url: another machine would get these webhooks: add --yes";
	return NULL;
}

static void
prepare(struct bench *b)
{
	digest_random_hex(sizeof(b->run) - 1, b->run);
	b->total = b->rate * b->seconds;
	b->due_us = xcalloc((size_t)b->total, sizeof(*b->due_us));
	b->asked_us = xcalloc((size_t)b->total, sizeof(*b->asked_us));
	TAILQ_INIT(&b->spare);
	loop_init(&b->loop);
	loop_on_stop(&b->loop, on_stop, b);
	b->http = http_client_new(&b->loop);
	uv_timer_init(&b->loop.uv, &b->tick);
	b->tick.data = b;
}

static int
run(void *into)
{
	struct bench *b = into;
	const char *wrong = wrong_words(b);

	if (wrong)
		return cli_usage(&command, &rows[0], wrong);
	if (find_secret(b) < 0)
		return CLI_FAILED;
	prepare(b);
	b->began_us = clock_mono_us();
	uv_timer_start(&b->tick, on_tick, 0, 1);
	loop_run(&b->loop);
	cli_progress_end();
	qsort(b->due_us, (size_t)b->ended, sizeof(*b->due_us), by_size);
	qsort(b->asked_us, (size_t)b->ended, sizeof(*b->asked_us), by_size);
	report(b);
	return b->ended > 0 && b->good == b->ended ? CLI_DONE : CLI_FAILED;
}

int
cli_bench(const struct settings *s, int argc, char **argv)
{
	static struct bench b; /* the words live as long as the process */
	int status;

	b = (struct bench){.s = s,
		.rate = RATE,
		.seconds = SECONDS,
		.chats = CHATS,
		.tenant = STR("1")};
	const struct cli_row *r =
		cli_words(&command, argc, argv, &b, &b.words, &status);
	if (!r)
		return status;
	arena_init(&b.arena);
	b.tenant = tenant_id(b.tenant);
	if (!b.url.p)
		b.url = arena_printf(&b.arena,
			"http://127.0.0.1:%lld/webhook/whatsapp/incoming",
			(long long)s->port);
	return r->run(&b);
}
