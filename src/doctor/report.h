/* SPDX-License-Identifier: MIT */
/* report.h: what a doctor found, for people, for machines and for the docs. */
#ifndef DOCTOR_REPORT_H
#define DOCTOR_REPORT_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct doctor;

/* What --fix did, in the order it was done. */
struct report_fix {
	const char *name;
	bool fine;
	char words[256];
};

/* report_text: causes first, then what follows from them, warnings, what could not be
 * looked at, and what is well. */
void report_text(const struct doctor *d, struct buf *out);

/* report_json: {"status":"healthy"|"unhealthy"|"blind","version","checks":[{"name",
 * "verdict","evidence","why","mend","follows"}],"fixes":[{"check","done","what"}]} */
void report_json(const struct doctor *d, const struct report_fix *fixes, size_t count,
	struct buf *out);

/* report_markdown is docs/doctor.md. */
void report_markdown(struct buf *out);

#endif
