/* SPDX-License-Identifier: MIT */
/* redis_url.c: what a REDIS_URL says. */
#include "queue/redis_url.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "queue/redis.h"

enum { PORT_DEFAULT = 6379 };

static char *
dup_str(struct str s)
{
	char *z = xcalloc(1, s.n + 1);

	memcpy(z, s.p, s.n);
	return z;
}

static int
parse_unix(struct str rest, struct redis_url *u)
{
	struct str path = str_cut(&rest, '?');

	u->path = dup_str(path);
	if (path.n == 0)
		return -EINVAL;
	if (!rest.p)
		return 0;
	if (!str_starts(rest, STR("db=")))
		return -EINVAL;
	return str_int((struct str){rest.p + 3, rest.n - 3}, &u->db);
}

static int
parse_host(struct str host, struct redis_url *u)
{
	struct str port = host;

	host = str_cut(&port, ':');
	u->host = dup_str(host.n ? host : STR("127.0.0.1"));
	if (!port.p)
		return 0;
	int bad = str_int(port, &u->port);
	return bad < 0 || u->port < 1 || u->port > 65535 ? -EINVAL : 0;
}

static int
parse_tcp(struct str rest, struct redis_url *u)
{
	struct str db = rest;
	struct str host = str_cut(&db, '/');
	const char *at = host.n ? memrchr(host.p, '@', host.n) : NULL;

	if (at) {
		struct str user = {host.p, (size_t)(at - host.p)};
		struct str password = user;

		host = (struct str){at + 1, host.n - user.n - 1};
		user = str_cut(&password, ':');
		if (user.n)
			u->user = dup_str(user);
		if (password.p)
			u->password = dup_str(password);
	}
	if (db.p && db.n && str_int(db, &u->db) < 0)
		return -EINVAL;
	return parse_host(host, u);
}

void
redis_url_done(struct redis_url *u)
{
	free(u->path);
	free(u->host);
	free(u->user);
	free(u->password);
}

int
redis_url_parse(const char *url, struct redis_url *u)
{
	struct str s = str_of(url);

	*u = (struct redis_url){.port = PORT_DEFAULT};
	if (str_starts(s, STR("unix://")))
		return parse_unix((struct str){s.p + 7, s.n - 7}, u);
	if (str_starts(s, STR("redis://")))
		return parse_tcp((struct str){s.p + 8, s.n - 8}, u);
	return -EPROTONOSUPPORT;
}

int
redis_url_check(const char *url, char err[256])
{
	struct redis_url u;
	int bad = redis_url_parse(url, &u);
	const char *scheme_end = strstr(url, "://");

	redis_url_done(&u);
	if (bad == 0)
		return 0;
	snprintf(err, 256,
		"REDIS_URL: %.*s%s: allowed are "
		"redis://[user:password@]host[:port][/db] "
		"and unix://path[?db=n]",
		scheme_end ? (int)(scheme_end - url) : 0, url,
		bad == -EPROTONOSUPPORT ? "://... is not supported"
					: "://... has a mistake");
	return -EINVAL;
}
