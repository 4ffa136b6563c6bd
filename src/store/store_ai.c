/* SPDX-License-Identifier: MIT */
/* store_ai.c: versions of prompts, and what the AI costs. */
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/zone.h"
#include "store/store_priv.h"

enum { DAY_SIZE = sizeof("2026-11-24"), WARN_PERCENT = 80 };

int
prompt_number(struct sql *db, struct str tenant)
{
	int r = sql_do(db,
		"INSERT INTO prompts (tenant_id, version, text, created_us)"
		" SELECT id, 1 + ifnull((SELECT max(version) FROM prompts"
		" WHERE tenant_id = ?1), 0), prompt, ?2 FROM tenants AS t"
		" WHERE id = ?1 AND prompt IS NOT NULL AND NOT EXISTS (SELECT 1 FROM"
		" prompts AS p WHERE p.tenant_id = ?1 AND p.version = t.prompt_version"
		" AND p.text = t.prompt)",
		SQL_TEXT(tenant), SQL_NUMBER(clock_wall_us()));
	if (r <= 0)
		return r;
	return sql_do(db,
		"UPDATE tenants SET prompt_version = (SELECT max(version) FROM prompts"
		" WHERE tenant_id = ?1) WHERE id = ?1",
		SQL_TEXT(tenant));
}

/* --- a day ------------------------------------------------------------------ */

static struct str
today(struct str zone, char day[DAY_SIZE])
{
	time_t now = (time_t)(clock_wall_us() / 1000000);
	struct tm tm;

	now += (time_t)zone_offset(zone, now);
	gmtime_r(&now, &tm);
	strftime(day, DAY_SIZE, "%Y-%m-%d", &tm);
	return str_of(day);
}

static int
spent_on(struct sql *db, struct str tenant, struct str day, int64_t *ret)
{
	int r = sql_row(db,
		"SELECT sum(cost_micros) FROM ai_usage WHERE tenant_id = ?1"
		" AND day = ?2",
		SQL_TEXT(tenant), SQL_TEXT(day));

	*ret = r > 0 ? sql_col_number(db, 0) : 0;
	return r;
}

int
usage_today(struct sql *db, struct str tenant, struct str zone, int64_t *ret)
{
	char day[DAY_SIZE];

	return spent_on(db, tenant, today(zone, day), ret);
}

/* --- counting --------------------------------------------------------------- */

static int
add_one(struct sql *db, struct str tenant, struct str day, const struct store_usage *u)
{
	return sql_do(db,
		"INSERT INTO ai_usage (tenant_id, day, model, requests, estimated,"
		" tokens_in, tokens_out, cost_micros) VALUES (?1, ?2, ?3, 1, ?4, ?5, "
		"?6,"
		" ?7) ON CONFLICT DO UPDATE SET requests = requests + 1,"
		" estimated = estimated + ?4, tokens_in = tokens_in + ?5,"
		" tokens_out = tokens_out + ?6, cost_micros = cost_micros + ?7",
		SQL_TEXT(tenant), SQL_TEXT(day), SQL_TEXT(u->model),
		SQL_NUMBER(u->estimated), SQL_NUMBER(u->tokens_in),
		SQL_NUMBER(u->tokens_out), SQL_NUMBER(u->cost_micros));
}

static int
percent_crossed(double before, double after, double budget)
{
	static const int percents[] = {100, WARN_PERCENT};

	for (size_t i = 0; i < ARRAY_LEN(percents); i++) {
		double mark = budget * percents[i] / 100;

		if (budget > 0 && before < mark && after >= mark)
			return percents[i];
	}
	return 0;
}

int
usage_add(struct sql *db, struct arena *a, struct str tenant,
	const struct store_usage *usage, size_t count, double budget, int *ret_crossed)
{
	char day_text[DAY_SIZE];
	int64_t before, after;

	*ret_crossed = 0;
	if (count == 0)
		return 0;
	int r = sql_row(
		db, "SELECT time_zone FROM tenants WHERE id = ?1", SQL_TEXT(tenant));
	if (r <= 0)
		return r < 0 ? r : ERR_NO_TENANT;
	struct str day = today(sql_col_text(db, 0, a), day_text);

	r = spent_on(db, tenant, day, &before);
	for (size_t i = 0; r >= 0 && i < count; i++)
		r = add_one(db, tenant, day, &usage[i]);
	if (r >= 0)
		r = spent_on(db, tenant, day, &after);
	if (r >= 0)
		*ret_crossed = percent_crossed(
			(double)before, (double)after, budget * 1000000);
	return r;
}

static int
spend(struct store *s, struct store_op *op)
{
	struct store_spend *p = container_of(op, struct store_spend, op);

	return usage_add(store_db(s), op->arena, tenant_id(p->tenant), p->usage,
		p->usage_count, p->budget, &p->budget_crossed);
}

void
store_spend(struct store *s, struct store_spend *op, struct flow *f)
{
	op->budget_crossed = 0;
	store_start(s, &op->op, spend, f);
}

/* --- looking ---------------------------------------------------------------- */

static int
list(struct store *s, struct store_op *op)
{
	struct store_usage_list *l = container_of(op, struct store_usage_list, op);
	struct sql *db = store_db(s);
	struct str tenant = tenant_id(l->tenant);
	struct tenant found;

	int r = tenant_find(db, tenant, op->arena, &found);
	if (r <= 0)
		return r < 0 ? r : ERR_NO_TENANT;
	r = sql_row(db,
		"SELECT day, model, requests, estimated, tokens_in, tokens_out,"
		" cost_micros, count(*) OVER () FROM ai_usage WHERE tenant_id = ?1"
		" AND day IN (SELECT DISTINCT day FROM ai_usage WHERE tenant_id = ?1"
		" ORDER BY day DESC LIMIT ?2) ORDER BY day DESC, model",
		SQL_TEXT(tenant), SQL_NUMBER(l->days));
	if (r > 0)
		l->rows = arena_alloc(
			op->arena, (size_t)sql_col_number(db, 7) * sizeof(*l->rows));
	for (; r > 0; r = sql_next(db))
		l->rows[l->count++] = (struct store_usage_day){
			.day = sql_col_text(db, 0, op->arena),
			.model = sql_col_text(db, 1, op->arena),
			.requests = sql_col_number(db, 2),
			.estimated = sql_col_number(db, 3),
			.tokens_in = sql_col_number(db, 4),
			.tokens_out = sql_col_number(db, 5),
			.cost_micros = sql_col_number(db, 6),
		};
	return r;
}

void
store_usage_list(struct store *s, struct store_usage_list *op, struct flow *f)
{
	op->rows = NULL;
	op->count = 0;
	store_start(s, &op->op, list, f);
}

static int
list_prompts(struct store *s, struct store_op *op)
{
	struct store_prompt_list *l = container_of(op, struct store_prompt_list, op);
	struct sql *db = store_db(s);
	struct str tenant = tenant_id(l->tenant);
	struct tenant found;

	int r = tenant_find(db, tenant, op->arena, &found);
	if (r <= 0)
		return r < 0 ? r : ERR_NO_TENANT;
	r = sql_row(db,
		"SELECT version, created_us, text, count(*) OVER () FROM prompts"
		" WHERE tenant_id = ?1 ORDER BY version DESC",
		SQL_TEXT(tenant));
	if (r > 0)
		l->prompts = arena_alloc(
			op->arena, (size_t)sql_col_number(db, 3) * sizeof(*l->prompts));
	for (; r > 0; r = sql_next(db))
		l->prompts[l->count++] = (struct store_prompt){
			.version = sql_col_number(db, 0),
			.created_us = sql_col_number(db, 1),
			.text = sql_col_text(db, 2, op->arena),
		};
	return r;
}

void
store_prompt_list(struct store *s, struct store_prompt_list *op, struct flow *f)
{
	op->prompts = NULL;
	op->count = 0;
	store_start(s, &op->op, list_prompts, f);
}
