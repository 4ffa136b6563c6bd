/* SPDX-License-Identifier: MIT */
/* env.c: opens what jobs work with. */
#include "role/env.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/settings.h"
#include "client/ai.h"
#include "client/gateway.h"
#include "job/job.h"
#include "net/http_client.h"
#include "store/store.h"

void
env_open(struct job_env *env, struct loop *l, const struct settings *s)
{
	struct arena arena;
	char err[256];

	arena_init(&arena);
	env->s = s;
	env->loop = l;
	env->store = store_open(l, store_url(s, &arena), err);
	arena_done(&arena);
	if (!env->store)
		die("%s", err);

	struct http_client *http = http_client_new(l);
	env->ai = ai_client_new(http, s);
	env->gateway = gateway_new(http, s);
}
