/* SPDX-License-Identifier: MIT */
/* env.c: opens what jobs work with. */
#include "role/env.h"

#include <malloc.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/flow.h"
#include "base/log.h"
#include "base/settings.h"
#include "client/ai.h"
#include "client/breaker.h"
#include "client/gateway.h"
#include "client/typing.h"
#include "job/job.h"
#include "job/price.h"
#include "net/http_client.h"
#include "store/store.h"

enum { TRIM_BYTES = 4 << 20 };

/* Without a user:password@ that a URL in it may have. */
static void
on_breaker(void *arg, const char *key, int64_t rest_ms, const char *why)
{
	const char *scheme = strstr(key, "://");
	const char *at = scheme ? strchr(scheme, '@') : NULL;
	int shown = at ? (int)(scheme + 3 - key) : 0;
	const char *rest = at ? at + 1 : key;

	(void)arg;
	if (rest_ms > 0)
		log_warn(
			"⛔ Destination fails and is left alone for %lld ms, then tried "
			"again: %.*s%s reason=%s",
			(long long)rest_ms, shown, key, rest, why);
	else
		log_info("✅ Destination works again: %.*s%s", shown, key, rest);
}

void
env_open(struct job_env *env, struct loop *l, const struct settings *s)
{
	struct arena arena;
	struct str wrong;
	char err[256];

	/* What the store's thread allocates the loop frees: without this glibc gives
	 * each job's few pages back to the kernel, and interrupts every processor for
	 * it. */
	mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
	if (price_check(str_of(s->ai_prices), &wrong) < 0)
		die("AI_PRICES: \"%.*s\" is not like gpt-4o-mini=0.15/0.60",
			STR_FMT(wrong));
	arena_init(&arena);
	env->s = s;
	if (strcmp(s->test_jobs, "on") == 0)
		flow_crash_at = s->test_crash_at;
	env->loop = l;
	env->store = store_open(l, store_url(s, &arena), err);
	arena_done(&arena);
	if (!env->store)
		die("%s", err);

	struct http_client *http = http_client_new(l);
	struct breaker *breaker = breaker_new(on_breaker, NULL);
	env->http = http;
	env->ai = ai_client_new(http, s, breaker);
	env->gateway = gateway_new(http, s, breaker);
	if (strcmp(s->typing, "on") == 0)
		env->typing = typing_new(l, env->gateway);
}
