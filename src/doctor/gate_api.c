/* SPDX-License-Identifier: MIT */
/* gate_api.c: the api's /metrics, again and again, while a gate stands. */
#include "doctor/gate_api.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "doctor/gate.h"
#include "doctor/page.h"

enum {
	PAGE_MS = 3000,
	RESTART_MS = 3000, /* an api that is restarted may be away for so long */
	AGAIN_MS = 250,
};

/* Adds up the samples whose name and labels begin so. */
static double
sum(struct str page, const char *begins)
{
	double all = 0;

	while (page.p) {
		struct str line = str_cut(&page, '\n');

		if (!str_starts(line, str_of(begins)))
			continue;
		const char *value = memrchr(line.p, ' ', line.n);
		all += value ? strtod(value, NULL) : 0;
	}
	return all;
}

static struct gate_numbers
numbers_of(struct str page)
{
	static const char seconds[] = "prosaas_http_request_duration_seconds";
	struct gate_numbers n = {
		.answers = sum(page, "prosaas_http_requests_total{route=\"webhook\""),
		.errors = sum(
			page, "prosaas_http_requests_total{route=\"webhook\",code=\"5"),
		.jobs = sum(page, "prosaas_jobs_finished_total{")};
	char all[128], fast[128];

	snprintf(all, sizeof(all), "%s_count{route=\"webhook\"", seconds);
	snprintf(fast, sizeof(fast), "%s_bucket{route=\"webhook\",le=\"1\"", seconds);
	n.slow = sum(page, all) - sum(page, fast);
	return n;
}

/* One that started while the gate stands, to the second, counts from its beginning. */
static void
note_api(struct gate *g, double started, struct gate_numbers n)
{
	size_t i;

	for (i = 0; i < g->api_count && g->apis[i].started != started; i++)
		;
	if (i == GATE_APIS_MAX)
		return;
	if (i == g->api_count) {
		bool young = (int64_t)started >= g->from_us / 1000000;

		g->apis[g->api_count++].started = started;
		if (!young)
			g->apis[i].first = n;
	}
	g->apis[i].last = n;
}

static bool
look(struct gate *g)
{
	struct doctor *d = g->d;
	/* A new connection each time, so that each process on the port is met. */
	const char *headers[] = {"Connection: close", page_secret(d), NULL};
	struct ask_page page = {.method = "GET",
		.url = page_url(d, d->api_url, "/metrics"),
		.headers = headers,
		.timeout_ms = PAGE_MS};

	bool fine = ask_http(&d->ask, &page) && page.status == 200;
	if (fine)
		note_api(g, sum(page.text, "prosaas_start_time_seconds"),
			numbers_of(page.text));
	else if (page.status)
		snprintf(g->api_words, sizeof(g->api_words), "%s/metrics: HTTP %d",
			d->api_url, page.status);
	else
		snprintf(g->api_words, sizeof(g->api_words), "%s/metrics: %s",
			d->api_url, d->ask.words);
	return fine;
}

void
gate_api_look(struct gate *g)
{
	int64_t until_ms = clock_mono_ms() + RESTART_MS;
	bool fine = false;

	g->api_looks++;
	if (!g->d->api_url)
		snprintf(g->api_words, sizeof(g->api_words), "PORT=0: no api");
	while (g->d->api_url && !(fine = look(g)) && clock_mono_ms() < until_ms)
		ask_sleep(&g->d->ask, AGAIN_MS);
	g->api_missed += !fine;
}

bool
gate_api_unseen(const struct gate *g)
{
	return g->api_missed == g->api_looks;
}

struct gate_numbers
gate_api_sum(const struct gate *g)
{
	struct gate_numbers n = {0};

	for (size_t i = 0; i < g->api_count; i++) {
		const struct gate_numbers *a = &g->apis[i].first, *b = &g->apis[i].last;

		n.answers += b->answers - a->answers;
		n.errors += b->errors - a->errors;
		n.slow += b->slow - a->slow;
		n.jobs += b->jobs; /* one is too many, whenever it was */
	}
	return n;
}
