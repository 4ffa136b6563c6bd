/* SPDX-License-Identifier: MIT */
/* gateway_priv.h: what a way to WhatsApp has to know: its requests and its answers.
 *
 *   gateway_send ---> way->send fills call->http ---> ... ---> way->sent reads it
 *
 * What is the same for all (the breaker, counting, waking) is in gateway.c; what one
 * speaks is in gateway_<name>.c, and nothing outside of it asks which one it is.
 *
 * To add a way: its file, a line below, a row in gateway.c, its word in the tenant's
 * property `gateway` (tenant_values.c). */
#ifndef CLIENT_GATEWAY_PRIV_H
#define CLIENT_GATEWAY_PRIV_H

#include "client/gateway.h"

struct val;

struct gateway {
	struct http_client *http;
	const struct settings *settings;
	struct breaker *breaker;
};

struct gateway_way {
	const char *name;  /* as the tenant's property `gateway` says it */
	int64_t window_us; /* see gateway.h */
	size_t text_max;
	bool takes_content;

	/* What gateway_check_tenant() says; NULL: it needs nothing. */
	int (*check)(const struct settings *s, const struct gateway_account *from,
		char words[GATEWAY_WORDS]);

	/* Where its calls go, without a path: what the breaker knows it by. */
	struct str (*base)(const struct gateway *g, const struct gateway_call *call);

	/* Each fills call->http.  One that leaves its url out asks nobody: the call
	 * ends with what it leaves in call->err and call->words. */
	void (*send)(const struct gateway *g, struct gateway_call *call);
	void (*probe)(const struct gateway *g, struct gateway_call *call);
	void (*typing)(const struct gateway *g, struct gateway_call *call, bool on);

	/* Each reads how it ended into call->err, call->words and the results; v is the
	 * answer, NULL when there is none or it is no JSON. */
	enum breaker_outcome (*sent)(struct gateway_call *call, const struct val *v);
	void (*probed)(struct gateway_call *call, const struct val *v);
	void (*typed)(struct gateway_call *call);
};

extern const struct gateway_way gateway_baileys, gateway_cloud;

#endif
