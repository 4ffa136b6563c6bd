/* SPDX-License-Identifier: MIT */
/* cloud.c: the webhook of WhatsApp's Cloud API. */
#include "role/cloud.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/lately.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "codec/cloud.h"
#include "net/http_server.h"
#include "role/ingest.h"

enum {
	OLD_MS = 30000,  /* a copy of the directory: then it is fetched again, */
	YOUNG_MS = 1000, /* and before that not, whatever is missed in it */
	COMPLAIN_EVERY_MS = 60000,
	CHALLENGE_MAX = 256,
	SIGNATURE_SIZE = 64, /* hex digits of SHA-256 */

	/* Of a body without a phone; Meta's are less than one KiB.  With a thousand
	 * secrets that is some 10 ms in which no webhook is answered. */
	SEARCH_MAX = 8 << 10,
	SEARCH_SHARE = 10,         /* of the time, one part in so many, ... */
	SEARCH_AHEAD_US = 1000000, /* ... of a second's worth at once */
};

static const char prefix[] = "sha256=";
static const char unauthorized[] = "{\"error\":\"unauthorized\"}";

struct cloud_call { /* in the request's arena; lives until it is answered */
	struct directory_wait wait; /* first */
	struct cloud_door *door;
	struct http_req *req;
	struct cloud cloud;
	void (*judge)(struct cloud_call *c);
	bool again;    /* the directory was asked for this one */
	bool searched; /* it had its turn (search) */
	bool later;    /* it has to wait for one */
	char bad[128]; /* why the body is no JSON; "": it is */
};

static const struct settings *
settings_of(const struct cloud_call *c)
{
	return c->door->ingest->s;
}

static bool
complain(struct arena *a, const char *what, struct str whose)
{
	struct str key = arena_printf(a, "cloud %s %.*s", what, STR_FMT(whose));

	return !lately_said(key, COMPLAIN_EVERY_MS, clock_mono_ms());
}

/* --- the directory ----------------------------------------------------------- */

static void
on_directory(struct directory_wait *w)
{
	struct cloud_call *c = container_of(w, struct cloud_call, wait);

	c->judge(c);
}

static void
look_up(struct cloud_call *c)
{
	c->again = true;
	c->wait.done = on_directory;
	directory_fetch(&c->door->directory, &c->wait);
}

/* May what is missed be in a newer copy? */
static bool
may_look_again(const struct cloud_call *c)
{
	return !c->again && directory_age_ms(&c->door->directory) > YOUNG_MS;
}

static void
begin(struct cloud_call *c, void (*judge)(struct cloud_call *c))
{
	c->judge = judge;
	if (directory_age_ms(&c->door->directory) > OLD_MS)
		look_up(c);
	else
		judge(c);
}

static struct cloud_call *
call_new(struct cloud_door *d, struct http_req *req)
{
	struct cloud_call *c = ARENA_NEW(&req->arena, struct cloud_call);

	c->door = d;
	c->req = req;
	return c;
}

static bool
has_directory(const struct cloud_call *c)
{
	return directory_age_ms(&c->door->directory) != INT64_MAX;
}

static void
unavailable(struct http_req *req)
{
	metric_add(M_HTTP_503, 1);
	http_reply_error(
		req, 503, "service_unavailable", "Job queue temporarily unavailable");
}

/* --- GET --------------------------------------------------------------------- */

static bool
is_token(struct str given, struct str token)
{
	return token.n > 0 && digest_same(given, token);
}

static bool
knows_token(const struct cloud_call *c, struct str given)
{
	const struct directory_entry *e;
	bool same = is_token(given, str_of(settings_of(c)->meta_wa_verify_token));

	for (size_t i = 0; (e = directory_at(&c->door->directory, i)) != NULL; i++)
		same |= is_token(given, e->verify_token);
	return same;
}

static bool
is_challenge(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~')
			return false;
	return s.n > 0 && s.n <= CHALLENGE_MAX;
}

static void
judge_challenge(struct cloud_call *c)
{
	struct http_req *req = c->req;
	struct str token = http_query(req, "hub.verify_token");
	struct str challenge = http_query(req, "hub.challenge");

	bool known = knows_token(c, token);
	if (!known && may_look_again(c))
		look_up(c);
	else if (known && !is_challenge(challenge))
		http_reply_error(req, 400, "bad_request",
			"hub.challenge must be 1 to 256 printable characters");
	else if (known)
		http_reply(req, 200, "text/plain", challenge, NULL);
	else if (!has_directory(c))
		unavailable(req);
	else
		http_reply_error(req, 403, "forbidden",
			"hub.verify_token is not META_WA_VERIFY_TOKEN, nor a tenant's "
			"meta_verify_token");
}

void
cloud_challenge(struct cloud_door *d, struct http_req *req)
{
	if (!str_eqz(http_query(req, "hub.mode"), "subscribe"))
		http_reply_error(req, 403, "forbidden", "hub.mode must be subscribe");
	else
		begin(call_new(d, req), judge_challenge);
}

/* --- POST: who signed it ------------------------------------------------------ */

static struct str
signature_of(const struct http_req *req)
{
	struct str header = http_header(req, "X-Hub-Signature-256", NULL);
	size_t n = sizeof(prefix) - 1;

	if (!str_starts(header, str_of(prefix)) || header.n != n + SIGNATURE_SIZE)
		return (struct str){NULL, 0};
	return (struct str){header.p + n, header.n - n};
}

/* A signature is of the body, which is not there yet. */
int
cloud_gate(struct http_req *req, const char **ret_json)
{
	if (signature_of(req).p)
		return 0;
	metric_add(M_HTTP_401, 1);
	*ret_json = unauthorized;
	return 401;
}

/* One of several: a secret that is being rotated. */
static bool
is_signed_by(const struct http_req *req, struct str secrets)
{
	char hex[DIGEST_HMAC_HEX_SIZE];
	struct str secret;
	bool same = false;

	while (str_next(&secrets, &secret)) {
		digest_hmac_hex(256, secret, req->body, hex);
		same |= digest_same(signature_of(req), str_of(hex));
	}
	return same;
}

static bool
is_signed_for(
	const struct cloud_call *c, const struct directory_entry *e, bool by_setting)
{
	if (e && e->sealed) {
		if (complain(&c->req->arena, "sealed", e->tenant))
			log_warn("Cloud API: the secrets of tenant %s do not open: "
				 "SECRETS_KEY is not the one they are sealed with",
				log_safe(e->tenant));
		return false;
	}
	return e && e->app_secret.n ? is_signed_by(c->req, e->app_secret) : by_setting;
}

/* A body without a phone says nothing that becomes a tenant's job, and any tenant may
 * have signed it; one that is no JSON likewise.  Who asks for that has proved nothing,
 * and a hash for each secret is what it costs us: so such searches get a tenth of the
 * time, and who comes when it is spent comes again. */
static bool
search(struct cloud_call *c)
{
	struct cloud_door *d = c->door;
	const struct directory_entry *e;
	int64_t began_us = clock_mono_us();
	bool same = false;

	if (c->req->body.n > SEARCH_MAX)
		return false;
	c->later = !c->searched && d->search_us > began_us + SEARCH_AHEAD_US;
	if (c->later)
		return false;
	c->searched = true;
	for (size_t i = 0; (e = directory_at(&d->directory, i)) != NULL; i++)
		same |= is_signed_by(c->req, e->app_secret);
	if (d->search_us < began_us)
		d->search_us = began_us;
	d->search_us += SEARCH_SHARE * (clock_mono_us() - began_us);
	return same;
}

/* The first phone whose signature is wrong ends it: 401 costs one hash, however many
 * phones are named. */
static bool
is_signed(struct cloud_call *c)
{
	const struct directory *d = &c->door->directory;
	bool by_setting =
		is_signed_by(c->req, str_of(settings_of(c)->meta_wa_app_secret));
	bool same = true;

	if (c->cloud.count == 0)
		return by_setting || search(c);
	for (size_t i = 0; i < c->cloud.count && same; i++)
		same = is_signed_for(
			c, directory_find(d, c->cloud.numbers[i].id), by_setting);
	return same;
}

static bool
knows_all(const struct cloud_call *c)
{
	for (size_t i = 0; i < c->cloud.count; i++)
		if (!directory_find(&c->door->directory, c->cloud.numbers[i].id))
			return false;
	return true;
}

/* --- POST: what becomes of it -------------------------------------------------- */

static void
set_tenants(struct cloud_call *c)
{
	for (size_t i = 0; i < c->cloud.count; i++) {
		struct cloud_number *n = &c->cloud.numbers[i];
		const struct directory_entry *e =
			directory_find(&c->door->directory, n->id);

		n->tenant = e ? arena_str(&c->req->arena, e->tenant)
			      : cloud_nobody(&c->req->arena, n->id);
		if (e)
			continue;
		metric_add(M_CLOUD_UNKNOWN, 1);
		if (complain(&c->req->arena, "phone", n->id))
			log_warn("Cloud API: phone_number_id %s is no tenant's: "
				 "prosaas tenant set ID meta_phone_number_id=%s",
				log_safe(n->id), log_safe(n->id));
	}
}

static void
tell_notes(const struct cloud *c)
{
	for (size_t i = 0; i < c->note_count; i++) {
		const struct cloud_note *n = &c->notes[i];
		bool error = n->code != 0 || str_eqz(n->what, "error");

		metric_add(error ? M_CLOUD_ERRORS : M_CLOUD_EVENTS, 1);
		if (error)
			log_warn("Cloud API: error code=%lld", (long long)n->code);
		else
			log_info("Cloud API: event %s: nothing is done with it",
				log_safe(n->what));
	}
}

static void
refuse(struct http_req *req, const char *why)
{
	metric_add(M_HTTP_400, 1);
	http_reply_error(req, 400, "bad_request", why);
}

static void
accept_call(struct cloud_call *c)
{
	struct cloud *cloud = &c->cloud;
	size_t count = 0;
	char err[128];

	if (c->bad[0]) {
		refuse(c->req, c->bad);
		return;
	}
	set_tenants(c);
	if (cloud_read(&c->req->arena, c->req->body, cloud, err) < 0) {
		refuse(c->req, err);
		return;
	}
	struct str *bodies =
		arena_alloc(&c->req->arena, (cloud->count + 1) * sizeof(*bodies));
	for (size_t i = 0; i < cloud->count; i++)
		if (cloud->numbers[i].body.p)
			bodies[count++] = cloud->numbers[i].body;
	tell_notes(cloud);
	ingest_bodies(c->door->ingest, c->req, bodies, count);
}

static void
refuse_for_now(struct cloud_call *c)
{
	if (complain(&c->req->arena, "search", STR("")))
		log_warn("Cloud API: webhooks that name no phone come faster than who "
			 "signed them is found: 503");
	metric_add(M_HTTP_503, 1);
	http_reply_error(c->req, 503, "service_unavailable",
		"too many webhooks that name no phone: try again");
}

static void
judge_webhook(struct cloud_call *c)
{
	bool right = is_signed(c);

	if (c->later) {
		refuse_for_now(c);
	} else if ((!right || !knows_all(c)) && may_look_again(c)) {
		look_up(c);
	} else if (right) {
		accept_call(c);
	} else if (!has_directory(c)) {
		unavailable(c->req);
	} else {
		metric_add(M_HTTP_401, 1);
		http_reply_json(c->req, 401, str_of(unauthorized));
	}
}

void
cloud_webhook(struct cloud_door *d, struct http_req *req)
{
	struct cloud_call *c = call_new(d, req);

	if (cloud_numbers(&req->arena, req->body, &c->cloud, c->bad) < 0)
		c->cloud.count = 0;
	begin(c, judge_webhook);
}
