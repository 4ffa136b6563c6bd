/* SPDX-License-Identifier: MIT */
/* log.h: one event, one line, on stderr.
 *
 * Lines collect in memory and are written once a loop turn by log_flush(), or
 * at once before log_init() and for errors.  Only roles, jobs and commands log
 * above debug: the layers below return errors to them.  Never message text,
 * tokens, or full phone numbers.
 *
 *   text:  2026-11-24T05:30:12.345678Z INFO  api     ✅ Enqueued ...
 *   json:  {"ts":"...","level":"info","role":"api","pid":7,"msg":"..."} */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/defs.h"
#include "base/str.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* log_init starts buffering.  level is error, warn, info or debug; role is
 * borrowed for ever. */
void log_init(const char *role, const char *level, bool json);
void log_flush(void);

/* log_toggle_debug goes to level debug, and the next time back. */
void log_toggle_debug(void);

bool log_on(enum log_level level);
void log_line(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                    \
	do {                                              \
		if (log_on(LOG_DEBUG))                    \
			log_line(LOG_DEBUG, __VA_ARGS__); \
	} while (0)

/* A peer's text in a log line: what is not printable ASCII shows as '?', and at
 * most 128 bytes are shown.  The result is one of eight static buffers, good
 * until the eighth next call: enough for one line. */
const char *log_safe(struct str s);

/* A WhatsApp address without the person: "972501234567@s.whatsapp.net" becomes
 * "97…67@s.whatsapp.net".  Static buffers as above. */
const char *log_chat(struct str jid);

#endif
