/* SPDX-License-Identifier: MIT */
/* survey.c: how the whole stands. */
#include "queue/survey.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "codec/session.h"
#include "queue/live.h"
#include "queue/registry.h"
#include "queue/sessions.h"

/* --- sessions ---------------------------------------------------------------- */

/* In the order of session_states. */
static const enum metric of_state[] = {M_SESSIONS_CONNECTED, M_SESSIONS_CONNECTING,
	M_SESSIONS_QR, M_SESSIONS_DISCONNECTED, M_SESSIONS_RESTRICTED,
	M_SESSIONS_UNKNOWN};

static void
take_sessions(const struct redisReply *list, struct survey *s)
{
	int64_t since_s;

	for (size_t i = 0; redis_at(list, i + 1); i += 2) {
		struct str since = redis_text(redis_at(list, i + 1));
		struct str state = str_cut(&since, ' ');

		if (str_eqz(state, "connected") || str_int(since, &since_s) < 0 ||
			s->now_s - since_s <= s->session_down_s)
			continue;
		s->session_down_s = s->now_s - since_s;
		s->session_down = redis_text(redis_at(list, i));
		s->session_state = state;
	}
	for (size_t i = 0; i < ARRAY_LEN(of_state); i++)
		metric_set(of_state[i], sessions_count(list, session_states[i]));
	metric_set(M_SESSION_DOWN_SECONDS, s->session_down_s);
}

/* --- queues ------------------------------------------------------------------ */

static void
take_queue(const struct redisReply *row, struct str name, struct survey *s)
{
	static const enum queue_metric rest[] = {Q_READY, Q_PARKED, Q_DEBOUNCED,
		Q_STARTED, Q_SCHEDULED, Q_DEFERRED, Q_FAILED};
	int64_t depth = redis_int(redis_at(row, 0), 0);
	int64_t oldest_s = registry_age_s(redis_text(redis_at(row, 1)));

	metric_queue_set(Q_DEPTH, name, depth);
	metric_queue_set(Q_OLDEST, name, oldest_s);
	for (size_t i = 0; i < ARRAY_LEN(rest); i++)
		metric_queue_set(rest[i], name, redis_int(redis_at(row, 2 + i), 0));
	s->depth += depth;
	if (oldest_s > s->oldest_s)
		s->oldest_s = oldest_s;
}

/* --- all --------------------------------------------------------------------- */

void
survey_ask(struct redis *r, struct redis_cmd *cmd, const char *queues, redis_done *done)
{
	redis_eval(r, cmd, SCRIPT_SURVEY, 0, 1 + redis_count_names(queues), done);
	redis_arg_date(r, clock_wall_us() - (int64_t)LIVE_OLD_S * 1000000);
	redis_arg_names(r, queues);
}

void
survey_take(const struct redisReply *reply, const char *queues, struct survey *s)
{
	struct str rest = str_of(queues), name;

	*s = (struct survey){
		.workers = redis_int(redis_at(reply, 1), 0),
		.redis_memory = redis_int(redis_at(reply, 4), 0),
		.redis_memory_max = redis_int(redis_at(reply, 5), 0),
		.now_s = redis_int(redis_at(reply, 6), 0),
		.vitals = redis_at(reply, 7),
		.firing = redis_at(reply, 8),
		.notice = redis_text(redis_at(reply, 9)),
	};
	for (size_t i = 0; str_next(&rest, &name); i++)
		take_queue(redis_at(redis_at(reply, 0), i), name, s);
	take_sessions(redis_at(reply, 3), s);
	metric_set(M_WORKERS, s->workers);
	metric_set(M_LANES_WAITING, redis_int(redis_at(reply, 2), 0));
	metric_set(M_REDIS_MEMORY, s->redis_memory);
	metric_set(M_REDIS_MEMORY_MAX, s->redis_memory_max);
}

void
survey_lost(void)
{
	metric_unknown();
}
