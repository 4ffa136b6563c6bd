/* SPDX-License-Identifier: MIT */
/* metrics.c: counters, gauges and histograms, and their text. */
#include "base/metrics.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/defs.h"
#include "base/err.h"
#include "version.h"

enum kind { COUNTER, MICROS, GAUGE, SURVEY, HISTOGRAM, SIZES };

static const struct {
	enum kind kind;
	const char *name, *labels, *help;
} rows[] = {
#define METRIC_ROW_(id, kind, name, labels, help) {kind, name, labels, help},
	METRICS(METRIC_ROW_)
#undef METRIC_ROW_
};

/* Upper bounds in microseconds: 1 ms to 10 s around the promises of 100 ms for
 * a webhook and 5 s for a job. */
static const struct {
	int64_t us;
	const char *text;
} bounds[] = {
	{500, "0.0005"},
	{1000, "0.001"},
	{2500, "0.0025"},
	{5000, "0.005"},
	{10000, "0.01"},
	{25000, "0.025"},
	{50000, "0.05"},
	{100000, "0.1"},
	{250000, "0.25"},
	{500000, "0.5"},
	{1000000, "1"},
	{2500000, "2.5"},
	{5000000, "5"},
	{10000000, "10"},
	{30000000, "30"},
};

/* The same number of buckets, so that all values look alike. */
static const int64_t size_bounds[ARRAY_LEN(bounds)] = {
	1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256, 512, 1024};

_Static_assert(ARRAY_LEN(bounds) == METRIC_BUCKETS, "as the header says");

static struct {
	int64_t value; /* count of a histogram */
	int64_t sum;
	int64_t bucket[METRIC_BUCKETS];
	bool known; /* of what is surveyed */
} values[METRIC_COUNT] = {[M_BUILD_INFO] = {.value = 1}};

static struct queue {
	struct str name; /* ours, for ever */
	int64_t value[QUEUE_METRIC_COUNT];
} queues[METRIC_QUEUES_MAX];
static size_t queue_count;
static bool queues_known;

void
metric_add(enum metric m, uint64_t n)
{
	values[m].value += (int64_t)n;
}

void
metric_set(enum metric m, int64_t v)
{
	values[m].value = v;
	values[m].known = true;
}

void
metric_observe(enum metric m, int64_t v)
{
	values[m].value++;
	values[m].sum += v;
	for (size_t i = 0; i < METRIC_BUCKETS; i++) {
		if (v <= (rows[m].kind == SIZES ? size_bounds[i] : bounds[i].us)) {
			values[m].bucket[i]++;
			break;
		}
	}
}

void
metric_lap(enum metric m, int64_t *mark_us)
{
	int64_t now_us = clock_mono_us();

	metric_observe(m, now_us - *mark_us);
	*mark_us = now_us;
}

int64_t
metric_get(enum metric m)
{
	return values[m].value;
}

void
metric_buckets(enum metric m, int64_t ret[METRIC_BUCKETS])
{
	memcpy(ret, values[m].bucket, sizeof(values[m].bucket));
}

int64_t
metric_bound_us(int i)
{
	return bounds[i].us;
}

static struct queue *
queue_of(struct str name)
{
	for (size_t i = 0; i < queue_count; i++)
		if (str_eq(queues[i].name, name))
			return &queues[i];
	if (queue_count == METRIC_QUEUES_MAX)
		return NULL;
	char *copy = xmalloc(name.n + 1);
	memcpy(copy, name.p, name.n);
	queues[queue_count].name = (struct str){copy, name.n};
	return &queues[queue_count++];
}

void
metric_queue_set(enum queue_metric m, struct str queue, int64_t v)
{
	struct queue *q = queue_of(queue);

	if (q)
		q->value[m] = v;
	queues_known = true;
}

void
metric_unknown(void)
{
	for (int m = 0; m < METRIC_COUNT; m++)
		values[m].known = false;
	queues_known = false;
}

/* --- text ----------------------------------------------------------------- */

static void
render_head(struct buf *out, const char *name, const char *help, const char *kind)
{
	buf_addf(out, "# HELP %s %s.\n# TYPE %s %s\n", name, help, name, kind);
}

static void
render_sample(struct buf *out, int m, const char *suffix, const char *le)
{
	bool labels = rows[m].labels[0] != '\0';

	buf_addf(out, "%s%s", rows[m].name, suffix);
	if (labels || le)
		buf_addf(out, "{%s%s", rows[m].labels, labels && le ? "," : "");
	if (le)
		buf_addf(out, "le=\"%s\"", le);
	buf_addz(out, labels || le ? "} " : " ");
}

static void
render_millionths(struct buf *out, int64_t v)
{
	buf_addf(out, "%lld.%06lld\n", (long long)(v / 1000000),
		(long long)(v % 1000000));
}

static void
render_histogram(struct buf *out, int m)
{
	bool sizes = rows[m].kind == SIZES;
	int64_t below = 0;
	char bound[24];

	for (size_t i = 0; i < METRIC_BUCKETS; i++) {
		below += values[m].bucket[i];
		snprintf(bound, sizeof(bound), "%lld", (long long)size_bounds[i]);
		render_sample(out, m, "_bucket", sizes ? bound : bounds[i].text);
		buf_addf(out, "%lld\n", (long long)below);
	}
	render_sample(out, m, "_bucket", "+Inf");
	buf_addf(out, "%lld\n", (long long)values[m].value);
	render_sample(out, m, "_sum", NULL);
	if (sizes)
		buf_addf(out, "%lld\n", (long long)values[m].sum);
	else
		render_millionths(out, values[m].sum);
	render_sample(out, m, "_count", NULL);
	buf_addf(out, "%lld\n", (long long)values[m].value);
}

/* A label's value: the three characters that its form gives a meaning. */
static void
render_label(struct buf *out, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n') {
			buf_addz(out, "\\n");
			continue;
		}
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, s.p[i]);
	}
}

static void
render_queues(struct buf *out)
{
	static const struct {
		const char *name, *labels, *help;
	} of[] = {
#define METRIC_QUEUE_ROW_(id, name, labels, help) {name, labels, help},
		QUEUE_METRICS(METRIC_QUEUE_ROW_)
#undef METRIC_QUEUE_ROW_
	};

	for (int m = 0; m < QUEUE_METRIC_COUNT; m++) {
		if (m == 0 || strcmp(of[m].name, of[m - 1].name) != 0)
			render_head(out, of[m].name, of[m].help, "gauge");
		for (size_t i = 0; i < queue_count; i++) {
			buf_addf(out, "%s{queue=\"", of[m].name);
			render_label(out, queues[i].name);
			buf_addf(out, "\"%s} %lld\n", of[m].labels,
				(long long)queues[i].value[m]);
		}
	}
}

void
metrics_render(struct buf *out)
{
	static const char *const kinds[] = {[COUNTER] = "counter",
		[MICROS] = "counter",
		[GAUGE] = "gauge",
		[SURVEY] = "gauge",
		[HISTOGRAM] = "histogram",
		[SIZES] = "histogram"};

	for (int m = 0; m < METRIC_COUNT; m++) {
		enum kind kind = rows[m].kind;

		if (kind == SURVEY && !values[m].known)
			continue;
		if (m == 0 || strcmp(rows[m].name, rows[m - 1].name) != 0)
			render_head(out, rows[m].name, rows[m].help, kinds[kind]);
		if (kind == HISTOGRAM || kind == SIZES) {
			render_histogram(out, m);
			continue;
		}
		render_sample(out, m, "", NULL);
		if (kind == MICROS)
			render_millionths(out, values[m].value);
		else
			buf_addf(out, "%lld\n", (long long)values[m].value);
	}
	if (queues_known)
		render_queues(out);
}
