/* SPDX-License-Identifier: MIT */
/* doctor.h: is this system well, and if not, why, and what mends it.
 *
 *   doctor_open ---> doctor_look ---> doctor_mend ---> doctor_look ---> doctor_close
 *                     each check of     the safe fixes     again
 *                     checks.c, in
 *                     its order         gate.c: go, or roll back
 *
 * A check asks, judges and says.  It says "unknown" and why when it could not look:
 * Redis is down, so nobody knows how many jobs wait.  Troubles have causes: with no
 * worker the jobs wait, too.  So a finding names the first of its possible causes that
 * was found, and a person begins with those that have none.
 *
 * It reads; only a fix writes (and two checks: database-writable a page of the
 * database, webhook a webhook without messages, which queues nothing).
 *
 * To add a check: a row in checks.c, a function beside its like, and `make docs`. */
#ifndef DOCTOR_DOCTOR_H
#define DOCTOR_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/settings.h"
#include "base/str.h"
#include "doctor/ask.h"

struct doctor;
struct finding;
struct store;
struct tenant;
struct val;

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_BAD, VERDICT_UNKNOWN, VERDICT_COUNT };
extern const char *const verdict_names[VERDICT_COUNT]; /* for machines */
extern const char *const verdict_marks[VERDICT_COUNT]; /* trouble springs to the eye */

typedef void check_look(struct doctor *d, struct finding *f);

/* A fix says what it changed in words, or returns false with why it could not. */
typedef bool check_fix(struct doctor *d, char words[256]);

struct check {
	const char *name;
	const char *needs; /* the check without which this one can't look; NULL: none */
	const char *after; /* checks whose trouble explains this one, comma separated */
	check_look *look;
	check_fix *fix;       /* NULL: only a person should mend it */
	const char *looks_at; /* the rest is for people */
	const char *why;
	const char *mend; /* a shell command where there is one */
};

extern const struct check checks[];
extern const size_t check_count;

enum { CHECKS_MAX = 64 };

struct finding {
	const struct check *check;
	enum verdict verdict;
	struct str evidence;
	struct str mend;     /* as a person can run it */
	const char *follows; /* the check that found the cause; NULL */
};

struct doctor {
	const struct settings *s;
	struct arena arena;
	struct ask ask;
	struct finding findings[CHECKS_MAX];
	const char *api_url;   /* where the api is, without a slash at the end; NULL */
	const char *redis_cli; /* how a person reaches this Redis */
	/* What one check asked and others read; NULL when it was not to be had. */
	struct str info;        /* INFO */
	const struct val *work; /* queue/checkup.h */
	struct store *store;    /* open, of the right schema */
	struct tenant *tenants;
	size_t tenant_count;
	/* private */
	struct settings settings; /* as the roles have them */
};

/* doctor_open: api_url NULL: HOST and PORT.  s is borrowed; *d must stay where it is.
 */
void doctor_open(struct doctor *d, const struct settings *s, const char *api_url);
void doctor_close(struct doctor *d);

/* doctor_look runs every check, in order: d->findings, one a row of checks. */
void doctor_look(struct doctor *d);

/* doctor_found is what a check found. */
const struct finding *doctor_found(const struct doctor *d, const char *name);

/* doctor_mend runs the fixes of what was found, and tells of each. */
typedef void
doctor_mended(void *arg, const struct check *c, bool fine, const char *words);
void doctor_mend(struct doctor *d, doctor_mended *tell, void *arg);

size_t doctor_count(const struct doctor *d, enum verdict v);

/* doctor_status is the exit status: 0 well (there may be warnings), 1 something is
 * wrong, 2 neither Redis nor the database could be looked at. */
int doctor_status(const struct doctor *d);

/* --- for checks --------------------------------------------------------------- */

/* found says what was seen. */
void found(struct doctor *d, struct finding *f, enum verdict v, const char *fmt, ...)
	PRINTF(4, 5);

/* found_mend names another command than the row does. */
void found_mend(struct doctor *d, struct finding *f, const char *fmt, ...) PRINTF(3, 4);

/* doctor_was is what a check found that stands before. */
enum verdict doctor_was(const struct doctor *d, const char *name);

/* doctor_info is a field of INFO, absent when there is none; _number: or otherwise. */
struct str doctor_info(const struct doctor *d, const char *field);
int64_t
doctor_info_number(const struct doctor *d, const char *field, int64_t otherwise);

/* doctor_url_shown is a URL without its password. */
struct str doctor_url_shown(struct doctor *d, const char *url);

/* doctor_bytes is a size for people: 1.4 GiB. */
struct str doctor_bytes(struct doctor *d, double bytes);

/* doctor_gateway_url is the tenant's way to WhatsApp over Baileys, NULL when unset. */
const char *doctor_gateway_url(struct doctor *d, const struct tenant *t);

#endif
