/* SPDX-License-Identifier: MIT */
/* log.c: lines, buffered. */
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"

enum {
	FLUSH_AT = 64 << 10, /* do not hold more than this within one turn */
	KEEP = 256 << 10,
	SHOWN = 128, /* bytes of a peer's text */
};

static struct {
	const char *role;
	enum log_level level, usual;
	bool json, buffering;
	struct buf out, large; /* large: a text longer than most */
} log_ = {.role = "prosaas", .level = LOG_INFO, .usual = LOG_INFO};

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const level_words[] = {"ERROR", "WARN ", "INFO ", "DEBUG"};

void
log_init(const char *role, const char *level, bool json)
{
	log_.role = role;
	log_.json = json;
	log_.buffering = true;
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++)
		if (strcmp(level, level_names[i]) == 0)
			log_.level = log_.usual = (enum log_level)i;
}

void
log_toggle_debug(void)
{
	bool debug = log_.level != LOG_DEBUG;

	log_.level = LOG_INFO; /* so that this line is seen */
	log_info("SIGHUP: the log's level is %s",
		debug ? "debug" : level_names[log_.usual]);
	log_.level = debug ? LOG_DEBUG : log_.usual;
}

bool
log_on(enum log_level level)
{
	return level <= log_.level;
}

/* Writes everything, waiting when stderr is a full non-blocking pipe.  A reader
 * that has gone takes the lines with it: there is nobody left to tell. */
void
log_flush(void)
{
	struct str s = buf_str(&log_.out);

	while (s.n > 0) {
		ssize_t n = write(STDERR_FILENO, s.p, s.n);

		if (n >= 0) {
			s.p += n;
			s.n -= (size_t)n;
		} else if (errno == EAGAIN) {
			struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};

			poll(&p, 1, 1000);
		} else if (errno != EINTR) {
			break;
		}
	}
	buf_clear(&log_.out, KEEP);
}

/* What is no UTF-8 shows as '?': the line must
 * be JSON whatever a library put into it. */
static void
add_json_text(struct buf *b, struct str s)
{
	while (s.n > 0) {
		unsigned char c = (unsigned char)s.p[0];
		size_t n = utf8_len(s.p, s.p + s.n);

		if (c == '"' || c == '\\')
			buf_addf(b, "\\%c", c);
		else if (c < 0x20)
			buf_addf(b, "\\u%04x", c);
		else if (n > 0)
			buf_add(b, s.p, n);
		else
			buf_addc(b, '?');
		n = n ? n : 1;
		s.p += n;
		s.n -= n;
	}
}

static void
add_head(struct buf *b, enum log_level level)
{
	char when[CLOCK_ISO_SIZE];

	clock_iso(when, clock_wall_us());
	if (log_.json) {
		buf_addf(b,
			"{\"ts\":\"%s\",\"level\":\"%s\",\"role\":\"%s\",\"pid\":%d,"
			"\"msg\":\"",
			when, level_names[level], log_.role, (int)getpid());
		return;
	}
	buf_add(b, when, CLOCK_ISO_SIZE - 1);
	buf_addc(b, ' ');
	buf_add(b, level_words[level], 5);
	buf_addc(b, ' ');

	size_t width = strlen(log_.role);
	buf_add(b, log_.role, width);
	do
		buf_addc(b, ' ');
	while (++width < 10);
}

void
log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;
	char small[512];
	struct buf *b = &log_.out;

	if (!log_on(level))
		return;

	va_start(ap, fmt);
	int n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	struct str text = {small, (size_t)n};
	if (text.n >= sizeof(small)) {
		buf_clear(&log_.large, KEEP);
		char *whole = buf_room(&log_.large, text.n + 1);

		va_start(ap, fmt);
		vsnprintf(whole, text.n + 1, fmt, ap);
		va_end(ap);
		text.p = whole;
	}
	add_head(b, level);
	if (log_.json) {
		add_json_text(b, text);
		buf_addz(b, "\"}");
	} else {
		buf_adds(b, text);
	}
	buf_addc(b, '\n');

	if (!log_.buffering || level == LOG_ERROR || buf_len(b) > FLUSH_AT)
		log_flush();
}

static char *
next_static(void)
{
	static char ring[8][SHOWN + 8];
	static unsigned at;

	return ring[at++ % ARRAY_LEN(ring)];
}

const char *
log_safe(struct str s)
{
	char *to = next_static();
	size_t n = s.n < SHOWN ? s.n : SHOWN;

	for (size_t i = 0; i < n; i++)
		to[i] = s.p[i] > 0x20 && s.p[i] < 0x7f ? s.p[i] : '?';
	strcpy(to + n, s.n > SHOWN ? "..." : "");
	return to;
}

const char *
log_chat(struct str jid)
{
	struct str server = jid;
	struct str user = str_cut(&server, '@');
	struct str safe = str_of(log_safe(user));
	char *to = next_static();

	if (safe.n > 6)
		snprintf(to, SHOWN, "%.2s…%s@%s", safe.p, safe.p + safe.n - 2,
			log_safe(server));
	else
		snprintf(to, SHOWN, "%s@%s", safe.p, log_safe(server));
	return to;
}
