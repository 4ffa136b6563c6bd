/* SPDX-License-Identifier: MIT */
/* alert_table.c: what is an alert, and the words for it. */
#include "role/alert_table.h"

#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/settings.h"
#include "codec/json.h"
#include "codec/val.h"
#include "queue/incident.h"

/* --- what is looked at ------------------------------------------------------- */

static double
percent(const struct picture *p, int64_t bad, int64_t good)
{
	if (bad + good < p->s->alert_min_events)
		return NAN;
	return 100.0 * (double)bad / (double)(bad + good);
}

static double
p95_ms(const struct picture *p, enum vital_histogram h)
{
	return vitals_quantile_ms(&p->window, h, 0.95, p->s->alert_min_events);
}

static int64_t
rose(const struct picture *p, enum vital_counter c)
{
	return p->window.counter[c];
}

static double
webhook_ms(const struct picture *p)
{
	return p95_ms(p, V_M_HTTP_SECONDS);
}

static double
job_ms(const struct picture *p)
{
	return p95_ms(p, V_M_JOB_OWN_SECONDS);
}

static double
depth(const struct picture *p)
{
	return (double)p->survey->depth;
}

static double
oldest(const struct picture *p)
{
	return (double)p->survey->oldest_s;
}

static double
failures(const struct picture *p)
{
	return percent(p, rose(p, V_M_JOBS_FAILED), rose(p, V_M_JOBS_OK));
}

static double
redis_failures(const struct picture *p)
{
	if (!p->redis_up)
		return INFINITY;
	return (double)(rose(p, V_M_REDIS_REFUSED) + rose(p, V_M_REDIS_LOST) +
			rose(p, V_M_REDIS_LATE));
}

static double
not_queued(const struct picture *p)
{
	return percent(p,
		rose(p, V_M_MSG_FULL) + rose(p, V_M_MSG_ERROR) +
			rose(p, V_M_MSG_UNAVAILABLE),
		rose(p, V_M_MSG_ENQUEUED) + rose(p, V_M_MSG_DUPLICATE) +
			rose(p, V_M_MSG_DEAD));
}

static double
dead_letters(const struct picture *p)
{
	int64_t n = 0;

	for (int c = V_M_DEAD_NO_TENANT; c <= V_M_DEAD_OTHER; c++)
		n += p->window.counter[c];
	return (double)n;
}

static double
unknown_tenants(const struct picture *p)
{
	return (double)rose(p, V_M_DEAD_NO_TENANT);
}

static double
session_down(const struct picture *p)
{
	return (double)p->survey->session_down_s;
}

static double
no_worker(const struct picture *p)
{
	return p->survey->workers == 0;
}

/* Who evaluates this leads; that nobody does is for role/watchman.c to see. */
static double
no_scheduler(const struct picture *p)
{
	(void)p;
	return 0;
}

static double
ai_failures(const struct picture *p)
{
	return percent(
		p, rose(p, V_M_AI_ERROR) + rose(p, V_M_AI_RESTING), rose(p, V_M_AI_OK));
}

static double
send_failures(const struct picture *p)
{
	return percent(p, rose(p, V_M_SEND_ERROR) + rose(p, V_M_SEND_RESTING),
		rose(p, V_M_SEND_OK));
}

static double
store_errors(const struct picture *p)
{
	return (double)rose(p, V_M_STORE_ERRORS);
}

static double
redis_growth(const struct picture *p)
{
	return p->redis_growth;
}

static double
process_growth(const struct picture *p)
{
	return p->process_growth;
}

/* --- the table ---------------------------------------------------------------- */

#define OF(field) offsetof(struct settings, field)

/* clang-format off */
const struct alert alert_table[] = {
	{"webhook_slow", "critical", webhook_ms, OF(alert_webhook_ms), 0.8, false, true, "ms",
		"Webhooks are answered slowly; the gateway gives up and sends again",
		"prosaas doctor; redis-cli -u $REDIS_URL --latency-history"},
	{"queue_deep", "critical", depth, OF(alert_queue_depth), 0.8, false, false, "jobs",
		"Jobs come faster than they are worked, or nobody works them",
		"prosaas queues; docker compose up -d --scale worker=2"},
	{"jobs_failing", "critical", failures, OF(alert_failure_percent), 0.8, false, true, "%",
		"Jobs end as dead letters; customers get no answer",
		"prosaas jobs list; docker compose logs worker --tail 100"},
	{"redis_failing", "critical", redis_failures, OF(alert_redis_failures), 1, true, true, "failures",
		"Redis can't be reached, or connections to it break; webhooks are answered 503",
		"docker compose logs redis; docker compose restart redis"},
	{"webhook_over_target", "warning", webhook_ms, OF(alert_webhook_target_ms), 0.8, false, true, "ms",
		"Webhooks take longer than promised",
		"prosaas doctor; redis-cli -u $REDIS_URL --latency-history"},
	{"enqueue_under_target", "warning", not_queued, OF(alert_enqueue_target_percent), 0.8, false, true, "%",
		"Messages are answered 503 instead of queued; the gateway has to send them again",
		"prosaas doctor; docker compose logs prosaas-api --tail 100"},
	{"job_over_target", "warning", job_ms, OF(alert_job_target_ms), 0.8, false, true, "ms",
		"Jobs take longer than promised, though the time of the AI is not counted",
		"prosaas doctor; docker compose logs worker --tail 100"},
	{"jobs_over_target", "warning", failures, OF(alert_failure_target_percent), 0.8, false, true, "%",
		"More jobs fail than promised",
		"prosaas jobs list"},
	{"queue_over_target", "warning", depth, OF(alert_queue_target), 0.8, false, false, "jobs",
		"More jobs wait than promised",
		"prosaas queues"},
	{"queue_old", "critical", oldest, OF(alert_oldest_s), 0.8, false, false, "s",
		"A job waits for long: webhooks are answered 200 and nothing comes of it",
		"prosaas doctor; docker compose restart worker"},
	{"dead_letters", "warning", dead_letters, OF(alert_dead_letters), 1, true, true, "new",
		"Messages were given up; a person has to look",
		"prosaas jobs list; prosaas jobs retry --all --reason REASON"},
	{"unknown_tenant", "warning", unknown_tenants, OF(alert_unknown_tenant), 1, true, true, "jobs",
		"Messages come for a tenant that is not in the database",
		"prosaas jobs list --reason unknown_tenant; prosaas tenant list"},
	{"session_down", "warning", session_down, OF(alert_session_down_s), 1, false, false, "s",
		"A business is not connected to WhatsApp: it neither hears nor answers its customers",
		"curl localhost:5000/api/sessions; docker compose logs baileys"},
	{"no_scheduler", "critical", no_scheduler, ALERT_NO_SETTING, 1, false, false, "",
		"No scheduler leads: retries, scheduled messages and jobs of dead workers stand still",
		"docker compose restart scheduler"},
	{"no_worker", "critical", no_worker, ALERT_NO_SETTING, 1, false, false, "",
		"No worker has sent a heartbeat: webhooks are accepted, and nobody answers",
		"docker compose logs worker; docker compose restart worker"},
	{"ai_failing", "warning", ai_failures, OF(alert_ai_percent), 0.8, false, true, "%",
		"The AI refuses or does not answer; questions wait or get the fallback text",
		"prosaas doctor; docker compose logs worker --tail 100"},
	{"sending_failing", "warning", send_failures, OF(alert_send_percent), 0.8, false, true, "%",
		"The gateway does not take replies; they are kept and tried again",
		"prosaas doctor; docker compose restart baileys"},
	{"database_failing", "critical", store_errors, ALERT_NO_SETTING, 1, false, true, "errors",
		"The database refuses to read or write; jobs are tried again and again",
		"prosaas doctor; df -h"},
	{"redis_memory_growing", "warning", redis_growth, OF(alert_memory_percent), 0.8, false, false, "%",
		"Redis takes much more memory than before; at its limit webhooks are refused",
		"prosaas queues; redis-cli -u $REDIS_URL INFO memory"},
	{"process_memory_growing", "warning", process_growth, OF(alert_memory_percent), 0.8, false, false, "%",
		"A process takes much more memory than before",
		"docker stats --no-stream; docker compose restart worker"},
};
/* clang-format on */

_Static_assert(ARRAY_LEN(alert_table) == ALERT_COUNT, "as the header says");

double
alert_threshold(const struct alert *a, const struct settings *s)
{
	double v = 0;

	if (a->threshold != ALERT_NO_SETTING)
		memcpy(&v, (const char *)s + a->threshold, sizeof(v));
	return v;
}

const struct alert *
alert_must_get(const char *name)
{
	size_t i = 0;

	while (strcmp(alert_table[i].name, name) != 0)
		i++;
	return &alert_table[i];
}

bool
alert_is_off(const struct alert *a, const struct settings *s)
{
	return str_lists(str_of(s->alert_off), str_of(a->name));
}

void
alert_check_off(const struct settings *s)
{
	struct str rest = str_of(s->alert_off), name;

	while (str_next(&rest, &name)) {
		bool known = false;

		for (size_t i = 0; i < ALERT_COUNT; i++)
			known |= str_eqz(name, alert_table[i].name);
		if (!known)
			die("ALERT_OFF=%s: there is no alert \"%.*s\"; docs/alerts.md "
			    "lists them",
				s->alert_off, STR_FMT(name));
	}
}

/* --- words -------------------------------------------------------------------- */

static void
add_measure(const struct alert_news *n, struct buf *out)
{
	double threshold = alert_threshold(n->alert, n->s);

	if (!*n->alert->unit || !isfinite(n->value))
		return;
	buf_addf(out, n->value < 100 ? " (%.3g" : " (%.0f", n->value);
	buf_addf(out, " %s, alert above %.6g)", n->alert->unit, threshold);
}

void
alert_line(const struct alert_news *n, struct buf *out)
{
	buf_addf(out, "%s %s %s: %s",
		!n->firing                                    ? "✅"
		: strcmp(n->alert->severity, "critical") == 0 ? "🔴"
							      : "🟡",
		n->firing ? "ALERT" : "RESOLVED", n->alert->name, n->alert->meaning);
	if (n->firing)
		add_measure(n, out);
	if (*n->detail)
		buf_addf(out, " [%s]", n->detail);
	if (n->firing)
		buf_addf(out, ". Mend: %s", n->alert->command);
	else
		buf_addf(out, ". It lasted %lld s",
			(long long)(n->at_us - n->since_us) / 1000000);
}

static void
add_text(struct buf *json, const char *name, const char *value)
{
	buf_addf(json, ",\"%s\":", name);
	json_quote(json, str_of(value));
}

/* What both have; JSON has no infinity. */
static void
add_members(const struct alert_news *n, struct buf *json)
{
	char since[CLOCK_ISO_SIZE], at[CLOCK_ISO_SIZE];

	clock_iso(since, n->since_us);
	clock_iso(at, n->at_us);
	buf_addf(json,
		"\"name\":\"%s\",\"state\":\"%s\",\"severity\":\"%s\",\"since\":\"%s\","
		"\"at\":\"%s\",\"value\":",
		n->alert->name, n->firing ? "firing" : "resolved", n->alert->severity,
		since, at);
	if (isfinite(n->value))
		buf_addf(json, "%.6g", n->value);
	else
		buf_addz(json, "null");
	buf_addf(json, ",\"threshold\":%.6g", alert_threshold(n->alert, n->s));
	add_text(json, "unit", n->alert->unit);
	add_text(json, "meaning", n->alert->meaning);
	add_text(json, "detail", n->detail);
	add_text(json, "command", n->alert->command);
}

/* Its id is the same however often it is delivered: who must not hear twice compares.
 */
void
alert_notice(const struct alert_news *n, struct buf *json)
{
	struct buf text;

	buf_init(&text);
	alert_line(n, &text);
	buf_addz(json, "{\"text\":");
	json_quote(json, buf_str(&text));
	buf_addf(json, ",\"id\":\"%s-%lld-%s\",", n->alert->name,
		(long long)n->since_us, n->firing ? "firing" : "resolved");
	add_members(n, json);
	buf_addc(json, '}');
	buf_done(&text);
}

void
alert_change(struct redis *r, struct redis_cmd *cmd, const char *who,
	const struct alert_news *n, bool notice_wanted, redis_done *done)
{
	struct buf entry, notice;

	buf_init(&entry);
	buf_init(&notice);
	buf_addc(&entry, '{');
	add_members(n, &entry);
	buf_addc(&entry, '}');
	if (notice_wanted)
		alert_notice(n, &notice);
	incident_change(r, cmd,
		&(struct incident){.who = who,
			.name = n->alert->name,
			.firing = n->firing,
			.entry = buf_str(&entry),
			.notice = buf_str(&notice)},
		done);
	buf_done(&entry);
	buf_done(&notice);
}
