/* SPDX-License-Identifier: MIT */
/* cli_doctor.c: prosaas doctor: what is wrong, why, and what mends it. */
#include "cli_doctor.h"

#include <stdio.h>

#include "base/buf.h"
#include "cli_table.h"
#include "cli_words.h"
#include "base/schedule.h"
#include "doctor/doctor.h"
#include "doctor/gate.h"
#include "doctor/report.h"

struct cli_doctor {
	struct cli_words words;
	bool json, fix, markdown;
	bool gate;
	struct str api, window, api_log, api_unit;

	struct doctor doctor;
	struct gate standing;
	struct report_fix fixes[CHECKS_MAX];
	size_t fix_count;
};

static const struct cli_row rows[] = {
	{"", NULL, 0, 0,
		"[--json] [--fix] [--api URL] [--markdown] | --gate [--window 5m] "
		"[--api-log FILE] [--api-unit UNIT]",
		"Looks at the live system: what is wrong, why it matters, the command "
		"that mends\n"
		"it.  --fix does what is safe.  Exits 0 healthy, 1 something is wrong, "
		"2 it could\n"
		"not be looked at.  docs/doctor.md lists the checks.\n"
		"--gate watches a window of 5m (or 10m, 30s) after a deployment and "
		"says "
		"GO or\n"
		"ROLL BACK and why, by the deployment guide; exits 0 or 1."},
};

static const struct cli_option options[] = {
	{"--json", CLI_FLAG, offsetof(struct cli_doctor, json)},
	{"--fix", CLI_FLAG, offsetof(struct cli_doctor, fix)},
	{"--markdown", CLI_FLAG, offsetof(struct cli_doctor, markdown)},
	{"--api", CLI_TEXT, offsetof(struct cli_doctor, api)},
	{"--gate", CLI_FLAG, offsetof(struct cli_doctor, gate)},
	{"--window", CLI_TEXT, offsetof(struct cli_doctor, window)},
	{"--api-log", CLI_TEXT, offsetof(struct cli_doctor, api_log)},
	{"--api-unit", CLI_TEXT, offsetof(struct cli_doctor, api_unit)},
};

static const struct cli_command command = {
	"doctor", rows, ARRAY_LEN(rows), options, ARRAY_LEN(options)};

static void
mended(void *arg, const struct check *check, bool fine, const char *words)
{
	struct cli_doctor *c = arg;
	struct report_fix *fix = &c->fixes[c->fix_count++];

	fix->name = check->name;
	fix->fine = fine;
	snprintf(fix->words, sizeof(fix->words), "%s", words);
	if (!c->json)
		printf("%-8s %-18s %s\n", fine ? "fixed" : "not fixed", check->name,
			words);
}

static int
report(struct cli_doctor *c)
{
	struct doctor *d = &c->doctor;
	struct buf out;

	buf_init(&out);
	doctor_look(d);
	if (c->fix) {
		doctor_mend(d, mended, c);
		if (c->fix_count > 0)
			doctor_look(d);
	}
	if (c->json)
		report_json(d, c->fixes, c->fix_count, &out);
	else
		report_text(d, &out);
	cli_print_lines(stdout, buf_str(&out));
	buf_done(&out);
	return doctor_status(d);
}

static int
stand(struct cli_doctor *c, int64_t window_s)
{
	struct gate_options o = {.window_s = window_s,
		.api_log = c->api_log.p,
		.api_unit = c->api_unit.p};
	struct buf out;

	gate_run(&c->standing, &c->doctor, &o);
	buf_init(&out);
	if (c->json)
		gate_json(&c->standing, &out);
	else
		gate_text(&c->standing, &out);
	cli_print_lines(stdout, buf_str(&out));
	buf_done(&out);
	return gate_go(&c->standing) ? CLI_DONE : CLI_FAILED;
}

int
cli_doctor(const struct settings *s, int argc, char **argv)
{
	static struct cli_doctor c; /* the loop in it is left to the kernel */
	int64_t window_s = 300;     /* the guide's */
	char err[128];
	struct buf out;
	int status;

	if (!cli_words(&command, argc, argv, &c, &c.words, &status))
		return status;
	if (c.markdown) {
		buf_init(&out);
		report_markdown(&out);
		cli_print_take(&out);
		return CLI_DONE;
	}
	if (!c.gate && (c.window.p || c.api_log.p || c.api_unit.p))
		return cli_usage(&command, rows,
			"--window, --api-log and --api-unit "
			"are for --gate");
	if (c.gate && c.fix)
		return cli_usage(&command, rows, "--gate only looks");
	if (c.window.p &&
		(schedule_span(c.window, &window_s, err) < 0 || window_s > 86400))
		return cli_usage(&command, rows, "--window takes a span: 5m, 10m, 30s");
	doctor_open(&c.doctor, s, c.api.p);
	status = c.gate ? stand(&c, window_s) : report(&c);
	doctor_close(&c.doctor);
	return status;
}
