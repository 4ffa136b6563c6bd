/* SPDX-License-Identifier: MIT */
/* report.c: what a doctor found, for people, for machines and for the docs. */
#include "doctor/report.h"

#include "base/buf.h"
#include "codec/val.h"
#include "doctor/doctor.h"
#include "doctor/gate.h"
#include "version.h"

/* --- text ------------------------------------------------------------------- */

static void
text_row(const struct finding *f, struct buf *out)
{
	bool trouble = f->verdict == VERDICT_BAD || f->verdict == VERDICT_WARN;

	buf_addf(out, "%-8s %-18s %.*s\n", verdict_marks[f->verdict], f->check->name,
		STR_FMT(f->evidence));
	if (f->follows && trouble)
		buf_addf(out, "%-27s follows from: %s\n", "", f->follows);
	if (!trouble)
		return;
	buf_addf(out, "%-27s why:  %s\n", "", f->check->why);
	buf_addf(out, "%-27s mend: %.*s%s\n", "", STR_FMT(f->mend),
		f->check->fix ? "   (--fix does)" : "");
}

static void
text_rows(const struct doctor *d, enum verdict v, bool follows, struct buf *out)
{
	for (size_t i = 0; i < check_count; i++) {
		const struct finding *f = &d->findings[i];

		if (f->verdict == v && (f->follows != NULL) == follows)
			text_row(f, out);
	}
}

void
report_text(const struct doctor *d, struct buf *out)
{
	static const enum verdict order[] = {
		VERDICT_BAD, VERDICT_WARN, VERDICT_UNKNOWN, VERDICT_OK};

	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		text_rows(d, order[i], false, out);
		text_rows(d, order[i], true, out);
	}
	buf_addf(out, "\n%s: %zu wrong, %zu warnings, %zu not looked at, %zu well.\n",
		doctor_status(d) == 0 ? "healthy" : "not healthy",
		doctor_count(d, VERDICT_BAD), doctor_count(d, VERDICT_WARN),
		doctor_count(d, VERDICT_UNKNOWN), doctor_count(d, VERDICT_OK));
}

/* --- JSON ------------------------------------------------------------------- */

static void
json_row(const struct finding *f, struct buf *out)
{
	buf_addz(out, "{\"name\":");
	json_quote(out, str_of(f->check->name));
	json_member(out, "verdict", str_of(verdict_names[f->verdict]));
	json_member(out, "evidence", f->evidence);
	json_member(out, "why", str_of(f->check->why));
	json_member(out, "mend", f->mend);
	json_member(out, "follows", str_of(f->follows));
	buf_addf(out, ",\"fixable\":%s}", f->check->fix ? "true" : "false");
}

void
report_json(const struct doctor *d, const struct report_fix *fixes, size_t count,
	struct buf *out)
{
	static const char *const states[] = {"healthy", "unhealthy", "blind"};

	buf_addf(out, "{\"status\":\"%s\",\"version\":\"%s\",\"checks\":[",
		states[doctor_status(d)], PROSAAS_VERSION);
	for (size_t i = 0; i < check_count; i++) {
		buf_addz(out, i ? "," : "");
		json_row(&d->findings[i], out);
	}
	buf_addz(out, "],\"fixes\":[");
	for (size_t i = 0; i < count; i++) {
		buf_addf(out, "%s{\"check\":\"%s\",\"done\":%s", i ? "," : "",
			fixes[i].name, fixes[i].fine ? "true" : "false");
		json_member(out, "what", str_of(fixes[i].words));
		buf_addc(out, '}');
	}
	buf_addz(out, "]}\n");
}

/* --- docs/doctor.md ----------------------------------------------------------- */

/* A cell of a table ends at a bar. */
static void
cell(struct buf *out, const char *text, bool code)
{
	buf_addz(out, code ? " `" : " ");
	for (const char *p = text; *p; p++) {
		if (*p == '|')
			buf_addc(out, '\\');
		buf_addc(out, *p);
	}
	buf_addz(out, code ? "` |" : " |");
}

static void
gate_markdown(struct buf *out)
{
	buf_addz(out,
		"\n## The gate\n\n"
		"`prosaas doctor --gate [--window 5m]` watches the system after a "
		"deployment for five minutes (or 10m, 30s) and ends with `GO`, exit "
		"status 0, or `ROLL BACK:` and the reasons, exit status 1. `--json` "
		"works too.\n"
		"It goes by the deployment guide's list \"When to Rollback\". What "
		"could not be judged is no reason to go.\n\n"
		"The api's log is looked at where you say it is: `--api-log FILE`, "
		"`--api-unit UNIT` (its journal), or from another command:\n\n"
		"    docker compose logs --since 5m prosaas-api | prosaas doctor "
		"--gate --api-log -\n\n"
		"| criterion | looks at | rolls back at |\n|---|---|---|\n");
	for (size_t i = 0; i < GATE_COUNT; i++) {
		buf_addf(out, "| %s |", gate_criteria[i].name);
		cell(out, gate_criteria[i].looks_at, false);
		cell(out, gate_criteria[i].rolls_back_at, false);
		buf_addc(out, '\n');
	}
	buf_addz(out,
		"\nJobs are counted by RQ's registries: one with a `result_ttl` of its "
		"own is not. Of several api processes on one port each is asked by "
		"chance, and known by when it started.\n");
}

void
report_markdown(struct buf *out)
{
	buf_addz(out,
		"# Doctor\n\n"
		"Made from the table in `src/doctor/checks.c` by `make docs`; edit "
		"that, not this page.\n\n"
		"`prosaas doctor` looks at the live system, with the same settings "
		"as the roles, and says of each check: `ok`, `WARN`, `BAD`, or "
		"`unknown` and why it could not be looked at.\n"
		"Of what is wrong it says why that matters and which command mends "
		"it. Where one trouble explains another, the other says `follows "
		"from`: begin with those that don't.\n\n"
		"| | |\n|---|---|\n"
		"| `--json` | the same for machines: `status`, and of each check "
		"`name`, `verdict`, `evidence`, `why`, `mend`, `follows`, "
		"`fixable` |\n"
		"| `--fix` | does what is safe (the last column), prints each "
		"change, and looks again |\n"
		"| `--api URL` | where the api is; else HOST and PORT of this "
		"environment |\n\n"
		"Exit status: 0 healthy (there may be warnings), 1 something is "
		"wrong, 2 neither Redis nor the database could be looked at, or "
		"wrong words.\n\n"
		"It reads. Only `--fix` changes anything, but for one commit that "
		"leaves the database as it was.\n\n"
		"| check | looks at | why it matters | mended by | `--fix` |\n"
		"|---|---|---|---|---|\n");
	for (size_t i = 0; i < check_count; i++) {
		const struct check *c = &checks[i];

		buf_addf(out, "| %s |", c->name);
		cell(out, c->looks_at, false);
		cell(out, c->why, false);
		cell(out, c->mend, true);
		buf_addz(out, c->fix ? " yes |\n" : " |\n");
	}
	gate_markdown(out);
}
