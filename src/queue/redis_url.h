/* SPDX-License-Identifier: MIT */
/* redis_url.h: what a REDIS_URL says (redis.h has its grammar). */
#ifndef QUEUE_REDIS_URL_H
#define QUEUE_REDIS_URL_H

#include <stdint.h>

#include "base/defs.h"

struct redis_url {
	char *path; /* of a unix socket; NULL: host and port */
	char *host, *user, *password;
	int64_t port, db;
};

/* redis_url_parse fills *u, which redis_url_done() frees, also after an error. */
int redis_url_parse(const char *url, struct redis_url *u) MUSTCHECK;
void redis_url_done(struct redis_url *u);

#endif
