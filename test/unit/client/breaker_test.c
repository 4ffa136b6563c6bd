/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "../../../src/client/breaker.c"

#define KEY "ai http://a/v1"

/* A breaker in virtual time, and what it told last. */
struct trial {
	struct breaker *b;
	int64_t now_ms;
	int opened, closed;
	int64_t rest_ms;
	char key[64], why[64];
};

static void
on_changed(void *arg, const char *key, int64_t rest_ms, const char *why)
{
	struct trial *t = arg;

	if (rest_ms > 0)
		t->opened++;
	else
		t->closed++;
	t->rest_ms = rest_ms;
	snprintf(t->key, sizeof(t->key), "%s", key);
	snprintf(t->why, sizeof(t->why), "%s", why);
}

static void
trial_init(struct trial *t)
{
	*t = (struct trial){.now_ms = 1000000};
	t->b = breaker_new(on_changed, t);
}

static int64_t
tell(struct trial *t, struct breaker_pass *pass, enum breaker_outcome outcome,
	int64_t wish_ms)
{
	struct breaker_report r = {outcome, wish_ms, "HTTP 500"};

	return breaker_leave(pass, &r, t->now_ms);
}

/* A whole call; returns the rest after it, or -1 when it was refused. */
static int64_t
call(struct trial *t, const char *key, enum breaker_outcome outcome, int64_t wish_ms)
{
	struct breaker_pass pass;
	struct breaker_rest rest;

	if (breaker_enter(t->b, &pass, key, t->now_ms, &rest) < 0)
		return -1;
	return tell(t, &pass, outcome, wish_ms);
}

static bool
enters(struct trial *t, struct breaker_pass *pass)
{
	struct breaker_rest rest;

	return breaker_enter(t->b, pass, KEY, t->now_ms, &rest) == 0;
}

static int64_t
open_it(struct trial *t)
{
	int64_t rest_ms = 0;

	for (int i = 0; i < BREAKER_FAILURES; i++)
		rest_ms = call(t, KEY, BREAKER_FAILED, -1);
	return rest_ms;
}

TEST(breaker_opens_after_failures_in_a_row)
{
	struct trial t;
	struct breaker_pass pass;
	struct breaker_rest rest;
	int64_t refused = metric_get(M_BREAKER_REFUSED);

	trial_init(&t);
	for (int i = 0; i < BREAKER_FAILURES - 1; i++)
		CHECK_INT(call(&t, KEY, BREAKER_FAILED, -1), 0);
	CHECK_INT(call(&t, KEY, BREAKER_OK, -1), 0); /* the row is broken */
	for (int i = 0; i < BREAKER_FAILURES - 1; i++)
		CHECK_INT(call(&t, KEY, BREAKER_FAILED, -1), 0);
	CHECK_INT(call(&t, KEY, BREAKER_NONE, -1), 0); /* neither here nor there */
	CHECK_INT(t.opened, 0);

	int64_t rest_ms = call(&t, KEY, BREAKER_FAILED, -1);
	CHECK(rest_ms >= BREAKER_REST_MIN_MS && rest_ms <= 2 * BREAKER_REST_MIN_MS);
	CHECK_INT(t.opened, 1);
	CHECK_INT(t.rest_ms, rest_ms);
	CHECK_STR(str_of(t.key), KEY);
	CHECK_STR(str_of(t.why), "HTTP 500");
	CHECK_INT(metric_get(M_BREAKER_OPEN), 1);

	t.now_ms += 300;
	CHECK_INT(breaker_enter(t.b, &pass, KEY, t.now_ms, &rest), ERR_OPEN);
	CHECK_INT(rest.left_ms, rest_ms - 300);
	CHECK_STR(str_of(rest.why), "HTTP 500");
	CHECK_INT(metric_get(M_BREAKER_REFUSED), refused + 1);
	CHECK_INT(tell(&t, &pass, BREAKER_OK, -1), 0); /* no pass, no word */
	CHECK_INT(t.closed, 0);
	CHECK_INT(call(&t, "ai http://b/v1", BREAKER_OK, -1), 0);
	breaker_free(t.b);
}

TEST(breaker_closes_when_its_one_probe_goes_well)
{
	struct trial t;
	struct breaker_pass probe, other;
	struct breaker_rest rest;

	trial_init(&t);
	t.now_ms += open_it(&t) - 1;
	CHECK(!enters(&t, &probe));
	t.now_ms++;
	CHECK(enters(&t, &probe));
	CHECK_INT(breaker_enter(t.b, &other, KEY, t.now_ms, &rest), ERR_OPEN);
	CHECK_INT(rest.left_ms, BREAKER_PROBE_MS);
	t.now_ms += 30000;
	CHECK(!enters(&t, &other)); /* one, however long it takes */

	CHECK_INT(tell(&t, &probe, BREAKER_OK, -1), 0);
	CHECK_INT(t.closed, 1);
	CHECK_INT(metric_get(M_BREAKER_OPEN), 0);
	CHECK(enters(&t, &probe) && enters(&t, &other));
	CHECK_INT(call(&t, KEY, BREAKER_FAILED, -1), 0); /* it counts anew */
	breaker_free(t.b);
}

TEST(breaker_rests_longer_each_time_up_to_a_minute)
{
	struct trial t;
	int64_t most_ms = 2 * BREAKER_REST_MIN_MS, longest = 0;

	trial_init(&t);
	t.now_ms += open_it(&t);
	for (int i = 0; i < 200; i++) {
		int64_t rest_ms = call(&t, KEY, BREAKER_FAILED, -1);

		most_ms = lesser(2 * most_ms, BREAKER_REST_MAX_MS);
		CHECK(rest_ms >= BREAKER_REST_MIN_MS && rest_ms <= most_ms);
		longest = rest_ms > longest ? rest_ms : longest;
		t.now_ms += rest_ms;
	}
	CHECK(longest > BREAKER_REST_MAX_MS / 2);
	CHECK_INT(t.opened, 1); /* told once */
	CHECK_INT(call(&t, KEY, BREAKER_OK, -1), 0);
	CHECK_INT(t.closed, 1);

	int64_t again_ms = open_it(&t); /* and begins with the least again */
	CHECK(again_ms >= BREAKER_REST_MIN_MS && again_ms <= 2 * BREAKER_REST_MIN_MS);
	breaker_free(t.b);
}

TEST(breaker_obeys_a_peer_that_names_a_time)
{
	struct trial t;

	trial_init(&t);
	CHECK_INT(call(&t, KEY, BREAKER_FAILED, 7000), 7000); /* at once */
	CHECK_INT(t.opened, 1);
	t.now_ms += 7000;
	CHECK_INT(call(&t, KEY, BREAKER_FAILED, 250), 250);
	t.now_ms += 250;
	CHECK_INT(call(&t, KEY, BREAKER_FAILED, INT64_MAX / 2), BREAKER_WISH_MAX_MS);
	t.now_ms += BREAKER_WISH_MAX_MS;
	CHECK_INT(call(&t, KEY, BREAKER_OK, 7000), 0);  /* who answers may be asked */
	CHECK_INT(call(&t, KEY, BREAKER_FAILED, 0), 0); /* 0 s is no time */
	breaker_free(t.b);
}

TEST(breaker_opens_at_once_when_everyone_is_denied)
{
	struct trial t;

	trial_init(&t);
	int64_t rest_ms = call(&t, KEY, BREAKER_DENIED, -1);
	CHECK(rest_ms >= BREAKER_DENIED_MS && rest_ms <= 2 * BREAKER_DENIED_MS);
	for (int i = 0; i < 20; i++) {
		t.now_ms += rest_ms;
		rest_ms = call(&t, KEY, BREAKER_DENIED, -1);
		CHECK(rest_ms >= BREAKER_DENIED_MS && rest_ms <= BREAKER_REST_MAX_MS);
	}
	breaker_free(t.b);
}

TEST(a_probe_that_tells_nothing_leaves_its_place_to_another)
{
	struct trial t;
	struct breaker_pass probe, other;

	trial_init(&t);
	t.now_ms += open_it(&t);
	CHECK(enters(&t, &probe));
	CHECK(!enters(&t, &other));
	CHECK_INT(tell(&t, &probe, BREAKER_NONE, -1), 0);
	CHECK_INT(tell(&t, &probe, BREAKER_OK, -1), 0); /* twice told is once told */
	CHECK_INT(t.closed, 0);
	CHECK(enters(&t, &other));
	CHECK_INT(tell(&t, &other, BREAKER_OK, -1), 0);
	CHECK_INT(t.closed, 1);
	breaker_free(t.b);
}

TEST(a_call_from_before_the_rest_tells_nothing_new)
{
	struct trial t;
	struct breaker_pass early[4], probe;

	trial_init(&t);
	for (size_t i = 0; i < ARRAY_LEN(early); i++)
		CHECK(enters(&t, &early[i]));
	int64_t rest_ms = open_it(&t);
	t.now_ms += 100;
	CHECK_INT(tell(&t, &early[0], BREAKER_FAILED, -1), rest_ms - 100);
	CHECK_INT(tell(&t, &early[1], BREAKER_OK, -1), rest_ms - 100);
	CHECK_INT(t.closed, 0);
	CHECK_INT(tell(&t, &early[2], BREAKER_FAILED, 9000), 9000);
	t.now_ms += 9000;
	CHECK(enters(&t, &probe));
	CHECK_INT(tell(&t, &early[3], BREAKER_FAILED, 500), 500);
	CHECK_INT(tell(&t, &probe, BREAKER_OK, -1), 500); /* asked for meanwhile */
	CHECK_INT(t.closed, 0);
	t.now_ms += 500;
	CHECK_INT(call(&t, KEY, BREAKER_OK, -1), 0);
	CHECK_INT(t.closed, 1);
	CHECK_INT(t.opened, 1);
	breaker_free(t.b);
}

TEST(breaker_forgets_the_one_not_heard_of_for_longest)
{
	struct trial t;
	struct breaker_pass pass;
	struct breaker_rest rest;
	char key[32];

	trial_init(&t);
	for (int i = 0; i < BREAKER_MAX; i++) {
		snprintf(key, sizeof(key), "gateway %d", i);
		t.now_ms++;
		CHECK_INT(call(&t, key, BREAKER_FAILED, 60000), 60000);
	}
	CHECK_INT(metric_get(M_BREAKER_OPEN), BREAKER_MAX);
	t.now_ms++; /* asking is hearing of */
	CHECK_INT(call(&t, "gateway 0", BREAKER_OK, -1), -1);
	CHECK_INT(call(&t, "one more", BREAKER_FAILED, 60000), 60000);
	CHECK_INT(metric_get(M_BREAKER_OPEN), BREAKER_MAX);
	CHECK_INT(call(&t, "gateway 0", BREAKER_OK, -1), -1);
	CHECK_INT(call(&t, "gateway 2", BREAKER_OK, -1), -1);
	CHECK_INT(breaker_enter(t.b, &pass, "gateway 1", t.now_ms, &rest), 0);
	CHECK_INT(tell(&t, &pass, BREAKER_OK, -1), 0); /* nothing to close */
	CHECK_INT(t.closed, 0);
	breaker_free(t.b);
	breaker_free(NULL);
}

TEST(breaker_closes_what_somebody_knows_to_be_well)
{
	struct trial t;
	struct breaker_pass pass;
	struct breaker_rest rest;

	trial_init(&t);
	call(&t, "gateway a tenant 1", BREAKER_FAILED, 60000);
	call(&t, "gateway b tenant 1", BREAKER_FAILED, 60000);
	call(&t, "gateway a tenant 11", BREAKER_FAILED, 60000);
	breaker_close_ending(t.b, " tenant 1");
	CHECK_INT(t.closed, 2);
	CHECK_INT(metric_get(M_BREAKER_OPEN), 1);
	CHECK_INT(breaker_enter(t.b, &pass, "gateway a tenant 11", t.now_ms, &rest),
		ERR_OPEN);
	CHECK_INT(call(&t, "gateway a tenant 1", BREAKER_OK, -1), 0);
	breaker_free(t.b);
}

TEST(breaker_keeps_nothing_of_who_is_well)
{
	struct trial t;

	trial_init(&t);
	CHECK_INT(call(&t, KEY, BREAKER_OK, -1), 0);
	CHECK_INT(t.b->count, 0);
	CHECK_INT(call(&t, KEY, BREAKER_FAILED, -1), 0);
	CHECK_INT(t.b->count, 1);
	CHECK_INT(call(&t, KEY, BREAKER_OK, -1), 0);
	CHECK_INT(t.b->count, 0);
	CHECK_INT(t.opened + t.closed, 0);
	breaker_free(t.b);
}

UNIT_MAIN
