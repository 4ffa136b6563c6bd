/* SPDX-License-Identifier: MIT */
/* breaker.h: who is down is left alone.
 *
 *               BREAKER_FAILURES in a row; or at once when the peer names
 *               a time or denies whoever comes
 *   closed ----------------------------------------------------> open <------.
 *     ^                                                            |         |
 *     |                                             its rest ends  | failed: |
 *     |                  the probe went well                       v  longer |
 *     `------------------------------------------------------- half-open ----'
 *                                                         one probe at a time
 *
 * A destination is a text: what is down or well as a whole ("ai http://...").  Ask
 * before each call, and tell after it how it ended; the pass, embedded in the
 * call, remembers what was asked:
 *
 *   breaker_enter ---> 0: call ---> breaker_leave
 *                `---> ERR_OPEN: do not call; ret_rest says how long, and why
 *
 * Each enter that returned 0 needs its leave, of an abandoned call too (with
 * BREAKER_NONE): a probe holds the only place until then.
 *
 * Half-open is no state of its own but an open one whose rest has ended.  A call
 * that began before the rest tells nothing new when it ends during it; only a time
 * that its peer names still counts.
 *
 * Only destinations that fail are kept, BREAKER_MAX of them; above that the one not
 * heard of for longest is forgotten, which closes it.  Nothing here reads a clock:
 * now_ms is monotonic. */
#ifndef CLIENT_BREAKER_H
#define CLIENT_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/defs.h"

enum {
	/* Above what one job tries (JOB_RETRIES and the first): a message that makes
	 * the peer fail is then its own fault alone.  Few enough for an outage to cost
	 * hardly any job an attempt. */
	BREAKER_FAILURES = 5,

	BREAKER_REST_MIN_MS = 1000,  /* due dates of jobs are whole seconds */
	BREAKER_REST_MAX_MS = 60000, /* a repair is noticed within a minute */

	BREAKER_DENIED_MS = 8000, /* the least after a denial: a person mends it */

	/* More is not believed: a date far ahead must not silence us for a day. */
	BREAKER_WISH_MAX_MS = 3600 * 1000,

	BREAKER_PROBE_MS = 1000, /* when to ask again while a probe is out */

	/* Tenants with trouble at one time; above, some fail a few calls more.
	 * The table is looked through: 1024 hashes take a microsecond. */
	BREAKER_MAX = 1024,
};

enum breaker_outcome {
	BREAKER_NONE,   /* tells nothing: cancelled, or not about the destination */
	BREAKER_OK,     /* it answered, if only to refuse this one request */
	BREAKER_FAILED, /* not reached, no answer, 5xx, 429 */
	BREAKER_DENIED, /* it refuses whoever comes: credentials, quota */
};

struct breaker_report {
	enum breaker_outcome outcome;
	int64_t wish_ms; /* how long the peer asks us to stay away; 0 or less: it
			    doesn't */
	const char *why; /* words for the operator */
};

struct breaker;

struct breaker_pass {
	/* private */
	struct breaker *breaker; /* NULL: not inside */
	const char *key;
	bool probe;
};

struct breaker_rest {
	int64_t left_ms;
	const char *why; /* the failure's words; until the breaker's next call */
};

/* A destination opened (it rests for rest_ms, why: the failure's words) or closed
 * (rest_ms 0, why ""). */
typedef void
breaker_changed(void *arg, const char *key, int64_t rest_ms, const char *why);

/* breaker_new: changed is called from breaker_leave(); may be NULL. */
struct breaker *breaker_new(breaker_changed *changed, void *arg);
void breaker_free(struct breaker *b);

/* breaker_enter asks for leave to call.  key is borrowed until breaker_leave(). */
int breaker_enter(struct breaker *b, struct breaker_pass *pass, const char *key,
	int64_t now_ms, struct breaker_rest *ret_rest) MUSTCHECK;

/* breaker_leave tells how the call ended.  Returns how long the destination rests
 * from now on, 0 when it does not.  Fine on a pass that was not given: 0. */
int64_t breaker_leave(
	struct breaker_pass *pass, const struct breaker_report *report, int64_t now_ms);

/* breaker_close_ending closes every destination whose name ends so: somebody knows
 * that it is well again.  What is in flight still tells how it went. */
void breaker_close_ending(struct breaker *b, const char *end);

#endif
