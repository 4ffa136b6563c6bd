/* SPDX-License-Identifier: MIT */
/* alert_table.h: what is an alert, one row each.
 *
 * A row has a name, how bad it is, what is looked at, the setting it may not be above
 * (none: 0), and what the person on call needs: what it means and the command that
 * begins to mend it.  deploy/prometheus has the same as rules, docs/alerts.md a table
 * of both.  To add one: a row here, a rule there, a line in the table; a test compares
 * the three. */
#ifndef ROLE_ALERT_TABLE_H
#define ROLE_ALERT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/survey.h"
#include "queue/vitals.h"

struct buf;
struct settings;

/* What an evaluator sees at one look. */
struct picture {
	const struct settings *s;
	bool redis_up; /* else nothing below is known but redis_words */
	const char *redis_words;
	const struct survey *survey;
	struct vitals window; /* what the counters of all rose by within it */
	double redis_growth, process_growth; /* percent */
	const char *grown;                   /* "<role>:<id>" of that process */
};

struct alert {
	const char *name, *severity;              /* "critical" or "warning" */
	double (*value)(const struct picture *p); /* NAN: nothing can be said */
	size_t threshold; /* offset in struct settings of a double; ALERT_NO_SETTING */
	double calm;      /* resolved at this share of the threshold: hysteresis */
	bool at_once;     /* ALERT_FOR_S is not waited for */
	bool windowed;    /* of what happened within the window */
	const char *unit, *meaning, *command;
};

#define ALERT_NO_SETTING SIZE_MAX

extern const struct alert alert_table[];
enum { ALERT_COUNT = 20 };

double alert_threshold(const struct alert *a, const struct settings *s);

/* alert_is_off says whether ALERT_OFF names it; alert_check_off dies when that names
 * one that is not in the table. */
bool alert_is_off(const struct alert *a, const struct settings *s);
void alert_check_off(const struct settings *s);

const struct alert *alert_must_get(const char *name);

/* What is told of an alert that fires or does no longer: logged (alert_line) and posted
 * (alert_notice, JSON). */
struct alert_news {
	const struct alert *alert;
	const struct settings *s;
	bool firing;
	double value;
	int64_t since_us, at_us; /* wall */
	const char *detail;      /* may be "" */
};
void alert_notice(const struct alert_news *n, struct buf *json);
void alert_line(const struct alert_news *n, struct buf *text);

/* alert_change asks Redis to keep it, as /api/alerts lists it, and its notice if one is
 * wanted.  queue/incident.h has who may, and what the reply says. */
void alert_change(struct redis *r, struct redis_cmd *cmd, const char *who,
	const struct alert_news *n, bool notice_wanted, redis_done *done);

#endif
