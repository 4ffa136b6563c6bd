/* SPDX-License-Identifier: MIT */
/* metrics.c: counters, gauges and histograms, and their text. */
#include "base/metrics.h"

#include <string.h>

#include "base/buf.h"
#include "base/defs.h"

enum kind { COUNTER, GAUGE, HISTOGRAM };

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

static struct {
	int64_t value; /* count of a histogram */
	int64_t sum_us;
	int64_t bucket[ARRAY_LEN(bounds)];
} values[METRIC_COUNT];

void
metric_add(enum metric m, uint64_t n)
{
	values[m].value += (int64_t)n;
}

void
metric_set(enum metric m, int64_t v)
{
	values[m].value = v;
}

void
metric_observe(enum metric m, int64_t us)
{
	values[m].value++;
	values[m].sum_us += us;
	for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
		if (us <= bounds[i].us) {
			values[m].bucket[i]++;
			break;
		}
	}
}

int64_t
metric_get(enum metric m)
{
	return values[m].value;
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
render_histogram(struct buf *out, int m)
{
	int64_t below = 0;

	for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
		below += values[m].bucket[i];
		render_sample(out, m, "_bucket", bounds[i].text);
		buf_addf(out, "%lld\n", (long long)below);
	}
	render_sample(out, m, "_bucket", "+Inf");
	buf_addf(out, "%lld\n", (long long)values[m].value);
	render_sample(out, m, "_sum", NULL);
	buf_addf(out, "%.6f\n", (double)values[m].sum_us / 1e6);
	render_sample(out, m, "_count", NULL);
	buf_addf(out, "%lld\n", (long long)values[m].value);
}

void
metrics_render(struct buf *out)
{
	static const char *const kinds[] = {"counter", "gauge", "histogram"};

	for (int m = 0; m < METRIC_COUNT; m++) {
		if (m == 0 || strcmp(rows[m].name, rows[m - 1].name) != 0)
			buf_addf(out, "# HELP %s %s.\n# TYPE %s %s\n", rows[m].name,
				rows[m].help, rows[m].name, kinds[rows[m].kind]);
		if (rows[m].kind == HISTOGRAM) {
			render_histogram(out, m);
			continue;
		}
		render_sample(out, m, "", NULL);
		buf_addf(out, "%lld\n", (long long)values[m].value);
	}
}
