/* SPDX-License-Identifier: MIT */
/* door.c: checks of the api, over HTTP.  The webhook that is timed has no messages: it
 * queues nothing. */

#include "codec/val.h"
#include "doctor/looks.h"
#include "doctor/page.h"

enum {
	WEBHOOK_MS = 5000,
	TRIES = 3,             /* of which the best counts: the machine may be busy */
	SLOW_WARN_US = 500000, /* the guide's alert */
	SLOW_BAD_US = 1000000, /* the guide's rollback */
};

/* --- the api -------------------------------------------------------------------- */

void
look_api(struct doctor *d, struct finding *f)
{
	struct ask_page page;

	if (!d->api_url) {
		found(d, f, VERDICT_UNKNOWN,
			"PORT=0: nobody knows where it is; say it with --api URL");
		return;
	}
	if (!page_get(d, &page, page_url(d, d->api_url, "/readyz"), NULL)) {
		found(d, f, VERDICT_BAD, "%s: %s", d->api_url, d->ask.words);
		return;
	}
	struct str why = val_text(val_get(ask_json(&d->ask, page.text), "message"));
	if (page.status == 200)
		found(d, f, VERDICT_OK, "%s is ready", d->api_url);
	else
		found(d, f, VERDICT_BAD, "%s is not ready: HTTP %d %.*s", d->api_url,
			page.status, STR_FMT(why));
}

/* Two Redis, and each looks fine: webhooks are queued in one, workers wait at the
 * other.  They are told apart by who works there. */
void
look_api_redis(struct doctor *d, struct finding *f)
{
	struct ask_page page;
	const struct val *w;
	size_t theirs = 0, known = 0;

	if (!d->work) {
		found(d, f, VERDICT_UNKNOWN, "REDIS_URL could not be looked at");
		return;
	}
	bool fine = page_get(
		d, &page, page_url(d, d->api_url, "/api/jobs/health"), page_secret(d));
	if (!fine || page.status != 200) {
		found(d, f, VERDICT_UNKNOWN, "/api/jobs/health: %s %d",
			fine ? "HTTP" : d->ask.words, page.status);
		return;
	}
	const struct val *list = val_get(ask_json(&d->ask, page.text), "workers");
	for (size_t i = 0; (w = val_at(list, i)) != NULL; i++, theirs++)
		known += work_has(d, val_text(val_get(w, "name")));
	size_t ours = work_count(d);
	if (theirs + ours > 0 && known == 0)
		found(d, f, VERDICT_BAD,
			"the api's Redis has %zu workers, the one of REDIS_URL here "
			"%zu, and none is the same",
			theirs, ours);
	else
		found(d, f, VERDICT_OK, "%zu workers in common", known);
}

static int64_t
best_of(struct doctor *d, struct ask_page *page)
{
	int64_t best_us = INT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		if (!ask_http(&d->ask, page))
			return -1;
		if (page->took_us < best_us)
			best_us = page->took_us;
	}
	return best_us;
}

void
look_webhook(struct doctor *d, struct finding *f)
{
	const char *headers[] = {
		page_secret(d), "Content-Type: application/json", NULL};
	struct ask_page page = {.method = "POST",
		.url = page_url(d, d->api_url, "/webhook/whatsapp/incoming"),
		.headers = headers,
		.body = STR("{\"tenantId\":\"1\",\"payload\":{\"messages\":[]}}"),
		.timeout_ms = WEBHOOK_MS};

	if (!headers[0]) {
		found(d, f, VERDICT_UNKNOWN, "INTERNAL_SECRET is not set");
		return;
	}
	int64_t us = best_of(d, &page);
	if (us < 0)
		found(d, f, VERDICT_BAD, "%s: %s", page.url, d->ask.words);
	else if (page.status == 401)
		found(d, f, VERDICT_BAD,
			"401: the api has another INTERNAL_SECRET than this "
			"environment");
	else if (page.status != 200)
		found(d, f, VERDICT_BAD, "HTTP %d", page.status);
	else
		found(d, f,
			us >= SLOW_BAD_US    ? VERDICT_BAD
			: us >= SLOW_WARN_US ? VERDICT_WARN
					     : VERDICT_OK,
			"one without messages is answered 200 in %.2f ms",
			(double)us / 1000);
	if (page.status == 401)
		found_mend(d, f,
			"# give api, gateway and this shell the same "
			"INTERNAL_SECRET, then restart the api");
}
