/* SPDX-License-Identifier: MIT */
/* redis.c: one connection to Redis, pipelined, that comes back.
 *
 * One timer serves three waits that exclude each other: the delay before a
 * reconnect, the deadline of connect and greeting, the deadline of the oldest
 * command.  Commands are answered in order, so the oldest is due first. */
#include "queue/redis.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/loop.h"
#include "net/stream.h"
#include "queue/redis_url.h"
#include "scripts.h"

enum {
	DELAY_FIRST_MS = 25,
	DELAY_MAX_MS = 1000, /* the contract: back within a second of Redis */
	GREETING_MAX = SCRIPT_COUNT + 3 + REDIS_CHANNELS,
};

STAILQ_HEAD(cmd_list, redis_cmd);

struct redis {
	struct loop *loop;
	struct redis_options o;
	struct redis_url url;
	struct stream *stream; /* NULL while waiting to reconnect */
	redisReader *reader;
	struct cmd_list sent, refused;
	struct redis_cmd greeting[GREETING_MAX];
	int greeting_left;
	bool ready, closing, told;
	bool refusing; /* the command being written is refused: its arguments go nowhere
			*/
	bool timed_out; /* why the connection is being closed */
	int64_t delay_ms;
	char trouble[192];
	uv_timer_t timer, refuse;
	struct loop_hook flush;
};

static const char *const script_texts[] = {
#define SCRIPT_TEXT_(id, name) script_##name,
	SCRIPT_MAP(SCRIPT_TEXT_)
#undef SCRIPT_TEXT_
};

static char script_shas[SCRIPT_COUNT][41]; /* as SCRIPT LOAD answered */

/* --- writing -------------------------------------------------------------- */

void
redis_format(struct buf *out, struct str s)
{
	buf_addc(out, '$');
	buf_addu(out, s.n);
	buf_add(out, "\r\n", 2);
	buf_adds(out, s);
	buf_add(out, "\r\n", 2);
}

void
redis_format_int(struct buf *out, int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)v);
	redis_format(out, str_of(text));
}

void
redis_arg(struct redis *r, struct str s)
{
	if (!r->refusing)
		redis_format(stream_out(r->stream), s);
}

void
redis_argz(struct redis *r, const char *z)
{
	redis_arg(r, str_of(z));
}

void
redis_argi(struct redis *r, int64_t v)
{
	if (!r->refusing)
		redis_format_int(stream_out(r->stream), v);
}

void
redis_arg_date(struct redis *r, int64_t wall_us)
{
	char text[CLOCK_ISO_SIZE];

	clock_iso(text, wall_us);
	redis_argz(r, text);
}

void
redis_arg_list(struct redis *r, const struct str *texts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		redis_arg(r, texts[i]);
}

void
redis_args_raw(struct redis *r, struct str raw)
{
	if (!r->refusing)
		buf_adds(stream_out(r->stream), raw);
}

int
redis_count_names(const char *names)
{
	struct str rest = str_of(names), name;
	int n = 0;

	while (str_next(&rest, &name))
		n++;
	return n;
}

void
redis_arg_names(struct redis *r, const char *names)
{
	struct str rest = str_of(names), name;

	while (str_next(&rest, &name))
		redis_arg(r, name);
}

static void on_refuse(uv_timer_t *t);

/* Begins a command of `count` arguments in all; one that may not be sent is refused. */
static void
begin(struct redis *r, struct redis_cmd *cmd, int count, redis_done *done, bool may)
{
	cmd->r = r;
	cmd->done = done;
	cmd->err = 0;
	cmd->reply = NULL;
	cmd->began_us = clock_mono_us();
	cmd->deadline_ms = cmd->began_us / 1000 + r->o.deadline_ms;
	cmd->blocks = false;
	r->refusing = !may;
	if (!may) {
		STAILQ_INSERT_TAIL(&r->refused, cmd, next);
		uv_timer_start(&r->refuse, on_refuse, 0, 0);
		return;
	}
	STAILQ_INSERT_TAIL(&r->sent, cmd, next);
	buf_addf(stream_out(r->stream), "*%d\r\n", count);
}

void
redis_call(struct redis *r, struct redis_cmd *cmd, const char *name, int args,
	redis_done *done)
{
	begin(r, cmd, args + 1, done, r->ready);
	redis_argz(r, name);
}

void
redis_eval(struct redis *r, struct redis_cmd *cmd, enum redis_script script, int keys,
	int args, redis_done *done)
{
	begin(r, cmd, args + 3, done, r->ready);
	redis_argz(r, "EVALSHA");
	redis_argz(r, script_shas[script]);
	redis_argi(r, keys);
}

void
redis_deadline(struct redis_cmd *cmd, int64_t ms)
{
	cmd->deadline_ms = clock_mono_ms() + ms;
}

void
redis_blocks(struct redis_cmd *cmd)
{
	cmd->blocks = true;
}

/* --- endings -------------------------------------------------------------- */

static void
end_cmd(struct redis_cmd *cmd, int err, redisReply *reply)
{
	cmd->err = err;
	cmd->reply = reply;
	cmd->done(cmd);
	if (reply)
		freeReplyObject(reply);
}

static void
end_all(struct cmd_list *list, int err)
{
	struct cmd_list ended = STAILQ_HEAD_INITIALIZER(ended);

	STAILQ_CONCAT(&ended, list);
	while (!STAILQ_EMPTY(&ended)) {
		struct redis_cmd *cmd = STAILQ_FIRST(&ended);

		STAILQ_REMOVE_HEAD(&ended, next);
		end_cmd(cmd, err, NULL);
	}
}

static void
on_refuse(uv_timer_t *t)
{
	struct redis *r = t->data;

	end_all(&r->refused, ERR_UNAVAILABLE);
}

/* --- connecting ----------------------------------------------------------- */

static void connect_now(struct redis *r);

static void
on_reconnect(uv_timer_t *t)
{
	connect_now(t->data);
}

static void
reconnect_later(struct redis *r)
{
	uint16_t dice;

	digest_random(&dice, sizeof(dice));
	uv_timer_start(&r->timer, on_reconnect, (uint64_t)(1 + dice % r->delay_ms), 0);
	r->delay_ms = r->delay_ms * 2 > DELAY_MAX_MS ? DELAY_MAX_MS : r->delay_ms * 2;
}

static void
on_closed(void *arg, const char *why)
{
	struct redis *r = arg;
	bool was_ready = r->ready;

	r->stream = NULL;
	r->ready = false;
	snprintf(r->trouble, sizeof(r->trouble), "redis: %s", why);
	log_debug("%s", r->trouble);
	uv_timer_stop(&r->timer);
	if (!r->closing) {
		metric_add(r->timed_out ? M_REDIS_LATE
			   : was_ready  ? M_REDIS_LOST
					: M_REDIS_REFUSED,
			1);
		metric_set(M_REDIS_UP, 0);
		if (!r->told && !r->o.starting) { /* once an outage */
			log_warn("Redis %s: %s", was_ready ? "lost" : "not reachable",
				why);
			r->told = true;
		}
	}
	end_all(&r->sent, r->timed_out ? -ETIMEDOUT : ERR_UNAVAILABLE);
	if (!r->closing)
		reconnect_later(r);
}

/* The deadline of what is awaited has passed. */
static void
on_deadline(uv_timer_t *t)
{
	struct redis *r = t->data;
	struct redis_cmd *oldest = STAILQ_FIRST(&r->sent);

	if (!r->stream || (r->ready && !oldest))
		return;
	if (r->ready && oldest->deadline_ms > clock_mono_ms())
		return; /* the flush hook arms the timer again */
	r->timed_out = true;
	stream_close(r->stream,
		r->ready ? "no reply in time" : "no greeting in %lld ms",
		(long long)r->o.deadline_ms);
}

static void
become_ready(struct redis *r)
{
	r->ready = true;
	r->delay_ms = DELAY_FIRST_MS;
	r->trouble[0] = '\0';
	if (r->told)
		log_info("Redis is back");
	r->told = r->o.starting = false;
	uv_timer_stop(&r->timer);
	metric_add(M_REDIS_CONNECTS, 1);
	metric_set(M_REDIS_UP, 1);
	if (r->o.on_ready)
		r->o.on_ready(r->o.arg);
}

static void
on_greeted(struct redis_cmd *cmd)
{
	struct redis *r = cmd->r;

	if (cmd->err < 0) {
		if (cmd->reply && r->stream)
			stream_close(r->stream, "%s", cmd->reply->str);
		return;
	}
	/* The scripts are the last SCRIPT_COUNT greetings. */
	int script = SCRIPT_COUNT - r->greeting_left;
	if (script >= 0 && cmd->reply->type == REDIS_REPLY_STRING &&
		cmd->reply->len == 40)
		memcpy(script_shas[script], cmd->reply->str, 41);
	if (--r->greeting_left == 0)
		become_ready(r);
}

static struct redis_cmd *
greet(struct redis *r, int count, const char *name)
{
	struct redis_cmd *cmd = &r->greeting[r->greeting_left++];

	begin(r, cmd, count, on_greeted, true);
	redis_argz(r, name);
	return cmd;
}

static void
greet_scripts(struct redis *r)
{
	for (int i = 0; i < SCRIPT_COUNT; i++) {
		greet(r, 3, "SCRIPT");
		redis_argz(r, "LOAD");
		redis_argz(r, script_texts[i]);
	}
}

/* One command a channel, since each is confirmed by a reply of its own. */
static void
greet_channels(struct redis *r)
{
	for (int i = 0; i < REDIS_CHANNELS && r->o.channels[i]; i++) {
		greet(r, 2, "SUBSCRIBE");
		redis_argz(r, r->o.channels[i]);
	}
}

static void
on_open(void *arg)
{
	struct redis *r = arg;

	r->greeting_left = 0;
	if (r->url.password) {
		greet(r, r->url.user ? 3 : 2, "AUTH");
		if (r->url.user)
			redis_argz(r, r->url.user);
		redis_argz(r, r->url.password);
	}
	greet(r, 2, "SELECT");
	redis_argi(r, r->url.db);
	greet(r, 3, "CLIENT");
	redis_argz(r, "SETNAME");
	redis_argz(r, r->o.name);
	if (r->o.channels)
		greet_channels(r);
	else if (!r->o.no_scripts)
		greet_scripts(r);
}

/* --- reading -------------------------------------------------------------- */

/* A script that Redis forgot (SCRIPT FLUSH): reconnecting loads all again. */
static bool
is_noscript(const redisReply *reply)
{
	return strncmp(reply->str, "NOSCRIPT", 8) == 0;
}

static bool
is_message(const struct redis *r, const redisReply *reply)
{
	return r->o.channels && str_eqz(redis_text(redis_at(reply, 0)), "message");
}

static void
take_reply(struct redis *r, redisReply *reply)
{
	struct redis_cmd *cmd = STAILQ_FIRST(&r->sent);

	if (is_message(r, reply)) {
		r->o.on_message(r->o.arg, redis_text(redis_at(reply, 1)),
			redis_text(redis_at(reply, 2)));
		freeReplyObject(reply);
		return;
	}
	if (!cmd) {
		freeReplyObject(reply);
		stream_close(r->stream, "a reply that nobody asked for");
		return;
	}
	STAILQ_REMOVE_HEAD(&r->sent, next);
	if (!cmd->blocks)
		metric_observe(M_REDIS_SECONDS, clock_mono_us() - cmd->began_us);
	if (reply->type == REDIS_REPLY_ERROR)
		metric_add(M_REDIS_ERROR_REPLIES, 1);
	if (reply->type == REDIS_REPLY_ERROR && is_noscript(reply))
		stream_close(r->stream, "scripts are gone");
	end_cmd(cmd, reply->type == REDIS_REPLY_ERROR ? ERR_REMOTE : 0, reply);
}

static void
on_data(void *arg, struct str bytes)
{
	struct redis *r = arg;
	struct stream *from = r->stream;
	void *reply = NULL;

	redisReaderFeed(r->reader, bytes.p, bytes.n);
	while (r->stream == from &&
		redisReaderGetReply(r->reader, &reply) == REDIS_OK) {
		if (!reply)
			return;
		take_reply(r, reply);
		reply = NULL;
	}
	if (r->stream == from)
		stream_close(r->stream, "%s", r->reader->errstr);
}

static void
connect_now(struct redis *r)
{
	static const struct stream_events events = {on_open, on_data, on_closed};

	if (r->reader)
		redisReaderFree(r->reader);
	r->reader = redisReaderCreate();
	r->timed_out = false;
	r->stream = stream_connect(
		r->loop, r->url.path, r->url.host, (int)r->url.port, &events, r);
	uv_timer_start(&r->timer, on_deadline, (uint64_t)r->o.deadline_ms, 0);
}

/* End of turn: write what collected, and see to the oldest command's deadline. */
static void
on_turn(struct loop_hook *h)
{
	struct redis *r = container_of(h, struct redis, flush);
	struct redis_cmd *oldest = STAILQ_FIRST(&r->sent);

	if (!r->stream)
		return;
	stream_flush(r->stream);
	if (r->ready && oldest && !uv_is_active((uv_handle_t *)&r->timer)) {
		int64_t left = oldest->deadline_ms - clock_mono_ms();

		uv_timer_start(
			&r->timer, on_deadline, (uint64_t)(left > 0 ? left + 1 : 1), 0);
	}
}

struct redis *
redis_new(struct loop *l, const struct redis_options *o)
{
	struct redis *r = xcalloc(1, sizeof(*r));

	r->loop = l;
	r->o = *o;
	r->delay_ms = DELAY_FIRST_MS;
	STAILQ_INIT(&r->sent);
	STAILQ_INIT(&r->refused);
	snprintf(r->trouble, sizeof(r->trouble), "redis: not connected yet");
	if (redis_url_parse(o->url, &r->url) < 0)
		die("REDIS_URL can't be read"); /* checked before: redis_url_check() */
	uv_timer_init(&l->uv, &r->timer);
	uv_timer_init(&l->uv, &r->refuse);
	r->timer.data = r->refuse.data = r;
	r->flush.run = on_turn;
	loop_each_turn(l, &r->flush);
	connect_now(r);
	return r;
}

void
redis_close(struct redis *r)
{
	r->closing = true;
	r->ready = false;
	uv_timer_stop(&r->timer);
	if (r->stream)
		stream_close(r->stream, "closed");
}

bool
redis_ready(const struct redis *r)
{
	return r->ready;
}

const char *
redis_trouble(const struct redis *r)
{
	return r->trouble;
}

struct str
redis_text(const struct redisReply *reply)
{
	if (!reply || (reply->type != REDIS_REPLY_STRING &&
			      reply->type != REDIS_REPLY_STATUS &&
			      reply->type != REDIS_REPLY_ERROR))
		return (struct str){NULL, 0};
	return (struct str){reply->str, (size_t)reply->len};
}

int64_t
redis_int(const struct redisReply *reply, int64_t otherwise)
{
	return reply && reply->type == REDIS_REPLY_INTEGER ? reply->integer : otherwise;
}

const struct redisReply *
redis_at(const struct redisReply *reply, size_t i)
{
	return reply && reply->type == REDIS_REPLY_ARRAY && i < reply->elements
		       ? reply->element[i]
		       : NULL;
}
