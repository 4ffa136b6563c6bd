/* SPDX-License-Identifier: MIT */
/* redis_copy.c: a whole Redis to a file, and from one server to another. */
#include "queue/redis_copy.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "queue/redis_url.h"

enum {
	CONNECT_S = 5,
	ANSWER_S = 300, /* SYNC waits for a fork to write a whole snapshot */
	BATCH = 500,    /* keys a SCAN looks at */
	PIECE = 64 << 10,
};

/* --- connecting ----------------------------------------------------------- */

/* A command that answers OK; else the words say what it answered. */
static int
order(redisContext *c, int argc, const char **argv, char err[256])
{
	redisReply *r = redisCommandArgv(c, argc, argv, NULL);
	bool good = r && r->type != REDIS_REPLY_ERROR;

	if (!good)
		snprintf(err, 256, "Redis: %s", r ? r->str : c->errstr);
	if (r)
		freeReplyObject(r);
	return good ? 0 : ERR_REMOTE;
}

static int
greet(redisContext *c, const struct redis_url *u, const char *name, char err[256])
{
	char db[24];
	const char *select[] = {"SELECT", db}, *label[] = {"CLIENT", "SETNAME", name};
	const char *auth[] = {"AUTH", u->user ? u->user : u->password, u->password};
	int bad = 0;

	snprintf(db, sizeof(db), "%lld", (long long)u->db);
	if (u->password)
		bad = order(c, u->user ? 3 : 2, auth, err);
	if (bad == 0)
		bad = order(c, 3, label, err);
	return bad == 0 ? order(c, 2, select, err) : bad;
}

redisContext *
redis_copy_open(const char *url, const char *name, char err[256])
{
	struct timeval connect = {.tv_sec = CONNECT_S}, answer = {.tv_sec = ANSWER_S};
	struct redis_url u;
	redisContext *c = NULL;

	if (redis_url_parse(url, &u) < 0)
		snprintf(err, 256, "REDIS_URL has a mistake");
	else if (u.path)
		c = redisConnectUnixWithTimeout(u.path, connect);
	else
		c = redisConnectWithTimeout(u.host, (int)u.port, connect);
	if (c && c->err)
		snprintf(err, 256, "Redis: %s", c->errstr);
	if (c && (c->err || redisSetTimeout(c, answer) != REDIS_OK ||
			 greet(c, &u, name, err) < 0)) {
		redisFree(c);
		c = NULL;
	}
	redis_url_done(&u);
	return c;
}

/* --- to a file ------------------------------------------------------------ */

/* Up to n bytes off the connection itself: what follows SYNC is not RESP. */
static int
take(redisContext *c, char *to, size_t n, size_t *ret, char err[256])
{
	ssize_t got;

	do
		got = read(c->fd, to, n);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		*ret = (size_t)got;
		return 0;
	}
	snprintf(err, 256, "Redis: the snapshot broke off: %s",
		got < 0 ? strerror(errno) : "connection closed");
	return ERR_UNAVAILABLE;
}

/* "$<bytes>\r\n", before which a server that is not ready sends empty lines. */
static int
take_length(redisContext *c, int64_t *ret, char err[256])
{
	char line[256];
	size_t n = 0, got;

	for (;;) {
		int bad = take(c, line + n, 1, &got, err);
		if (bad < 0)
			return bad;
		if (line[n] != '\n') {
			if (n < sizeof(line) - 1)
				n++;
			continue;
		}
		struct str s = str_trim((struct str){line, n});
		n = 0;
		if (s.n == 0)
			continue;
		if (s.p[0] == '$' &&
			str_int((struct str){s.p + 1, s.n - 1}, ret) == 0 && *ret >= 0)
			return 0;
		snprintf(err, 256, "Redis does not give a snapshot: %.*s", STR_FMT(s));
		return ERR_REMOTE;
	}
}

static int
write_all(int fd, const char *p, size_t n, char err[256])
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0) {
			snprintf(err, 256, "the snapshot can't be written: %s",
				strerror(errno));
			return -errno;
		}
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* As a replica of the first days: it is told the length, and not of what changes
 * after, since we hang up. */
int
redis_copy_dump(redisContext *c, int fd, char err[256])
{
	char piece[PIECE];
	int64_t left;
	size_t got;

	if (write_all(c->fd, "SYNC\r\n", 6, err) < 0)
		return ERR_UNAVAILABLE;
	int bad = take_length(c, &left, err);
	while (bad == 0 && left > 0) {
		size_t most = left < PIECE ? (size_t)left : PIECE;

		bad = take(c, piece, most, &got, err);
		if (bad == 0)
			bad = write_all(fd, piece, got, err);
		if (bad == 0)
			left -= (int64_t)got;
	}
	return bad;
}

/* --- to another server ---------------------------------------------------- */

static int
lost(const redisContext *c, const redisReply *r, char err[256])
{
	snprintf(err, 256, "Redis: %s",
		r && r->type == REDIS_REPLY_ERROR ? r->str
		: *c->errstr                      ? c->errstr
						  : "an answer that is none");
	return ERR_REMOTE;
}

/* The next answer of a pipeline; NULL with words when it is none or an error. */
static redisReply *
answer(redisContext *c, char err[256])
{
	void *r = NULL;

	if (redisGetReply(c, &r) == REDIS_OK && r &&
		((redisReply *)r)->type != REDIS_REPLY_ERROR)
		return r;
	lost(c, r, err);
	if (r)
		freeReplyObject(r);
	return NULL;
}

/* Hands one key on: 1 when it was still there.  Its RESTORE is not answered yet. */
static int
hand_on(redisContext *from, redisContext *to, const redisReply *key, char err[256])
{
	redisReply *ttl = answer(from, err);
	redisReply *dump = ttl ? answer(from, err) : NULL;
	int r = dump ? 0 : ERR_REMOTE;

	if (dump && dump->type == REDIS_REPLY_STRING && ttl->integer != -2) {
		long long life =
			0; /* to RESTORE: for ever; to PTTL: for less than 1 ms */

		if (ttl->integer >= 0)
			life = ttl->integer > 0 ? ttl->integer : 1;
		redisAppendCommand(to, "RESTORE %b %lld %b REPLACE", key->str, key->len,
			life, dump->str, dump->len);
		r = 1;
	}
	if (dump)
		freeReplyObject(dump);
	if (ttl)
		freeReplyObject(ttl);
	return r;
}

static int
copy_keys(redisContext *from, redisContext *to, const redisReply *keys, int64_t *ret,
	char err[256])
{
	int sent = 0, r = 0;

	for (size_t i = 0; i < keys->elements; i++) {
		const redisReply *key = keys->element[i];

		redisAppendCommand(from, "PTTL %b", key->str, key->len);
		redisAppendCommand(from, "DUMP %b", key->str, key->len);
	}
	for (size_t i = 0; r >= 0 && i < keys->elements; i++) {
		r = hand_on(from, to, keys->element[i], err);
		sent += r > 0;
	}
	for (; r >= 0 && sent > 0; sent--) {
		redisReply *ok = answer(to, err);

		if (!ok)
			return ERR_REMOTE;
		freeReplyObject(ok);
		++*ret;
	}
	return r < 0 ? r : 0;
}

int
redis_copy_all(redisContext *from, redisContext *to, void (*told)(int64_t keys),
	int64_t *ret_keys, char err[256])
{
	char cursor[32] = "0";
	int64_t copied = 0;

	do {
		redisReply *r = redisCommand(from, "SCAN %s COUNT %d", cursor, BATCH);

		if (!r || r->type != REDIS_REPLY_ARRAY || r->elements != 2) {
			int bad = lost(from, r, err);

			if (r)
				freeReplyObject(r);
			return bad;
		}
		snprintf(cursor, sizeof(cursor), "%s", r->element[0]->str);
		int bad = copy_keys(from, to, r->element[1], &copied, err);
		freeReplyObject(r);
		if (bad < 0)
			return bad;
		told(copied);
	} while (strcmp(cursor, "0") != 0);
	*ret_keys = copied;
	return 0;
}
