/* SPDX-License-Identifier: MIT */
/* usage_test.c: what the AI costs, and the versions of what it is told. */
#include "unit.h"

#include "scratch.h"

#include "base/defs.h"
#include "base/err.h"

#define BUDGET 0.001 /* of 1000 micros */

static struct store_spend
spent(int64_t micros)
{
	struct store_usage usage = {.model = STR("m"),
		.tokens_in = 5,
		.tokens_out = 3,
		.cost_micros = micros};
	struct store_spend op = {.tenant = STR("1"),
		.usage = &usage,
		.usage_count = 1,
		.budget = BUDGET};

	CHECK_INT(RUN(store_spend, &op), 0);
	return op;
}

static struct store_load
loaded(const char *id)
{
	struct store_load l = written(id, "972501234567@s.whatsapp.net", "hello");

	CHECK_INT(RUN(store_load, &l), 0);
	return l;
}

static int
keep(const struct store_load *l, int64_t attempt, const char *key)
{
	struct store_usage usage = {.model = STR("m"), .tokens_in = 5, .tokens_out = 3};
	struct store_reply part = {.text = STR("hi"), .key = str_of(key)};
	struct store_keep k = {.turn_id = l->turn_id,
		.attempt = attempt,
		.inbound_id = l->inbound_id,
		.tenant = STR("1"),
		.job_id = l->job_id,
		.answer = {&part, key ? 1 : 0},
		.usage = &usage,
		.usage_count = 1};

	return RUN(store_keep, &k);
}

static long
requests(void)
{
	return number("SELECT ifnull(sum(requests), 0) FROM ai_usage");
}

static void
set(const char *name, const char *value)
{
	struct str n = str_of(name), v = str_of(value);
	struct store_tenant_put put = {
		.id = STR("1"), .names = &n, .values = &v, .count = 1};

	CHECK_INT(RUN(store_tenant_put, &put), 0);
}

TEST(requests_are_added_up_by_day_and_model)
{
	struct store_usage usage[] = {{.model = STR("b"), .tokens_in = 1},
		{.model = STR("a"), .tokens_in = 20, .estimated = true},
		{.model = STR("a"), .tokens_out = 3, .cost_micros = 7}};
	struct store_spend op = {
		.tenant = STR("1"), .usage = usage, .usage_count = ARRAY_LEN(usage)};
	struct store_usage_list list = {.tenant = STR("1"), .days = 30};

	begin();
	CHECK_INT(RUN(store_spend, &op), 0);
	CHECK_INT(RUN(store_usage_list, &list), 0);
	CHECK_INT((int64_t)list.count, 2);
	CHECK_STR(list.rows[0].model, "a");
	CHECK_INT(list.rows[0].requests, 2);
	CHECK_INT(list.rows[0].estimated, 1);
	CHECK_INT(list.rows[0].tokens_in, 20);
	CHECK_INT(list.rows[0].tokens_out, 3);
	CHECK_INT(list.rows[0].cost_micros, 7);
	CHECK_STR(list.rows[1].model, "b");
	end();
}

TEST(the_days_listed_are_the_newest_with_any)
{
	struct store_usage_list list = {.tenant = STR("1"), .days = 2};

	begin();
	text("INSERT INTO ai_usage (tenant_id, day, model) VALUES ('1', '2026-01-01', "
	     "'m'), ('1', '2026-03-01', 'm'), ('1', '2026-03-01', 'n'), ('1', "
	     "'2026-02-01', 'm')");
	CHECK_INT(RUN(store_usage_list, &list), 0);
	CHECK_INT((int64_t)list.count, 3);
	CHECK_STR(list.rows[0].day, "2026-03-01");
	CHECK_STR(list.rows[2].day, "2026-02-01");
	end();
}

TEST(each_mark_of_a_budget_is_crossed_once_a_day)
{
	begin();
	CHECK_INT(spent(799).budget_crossed, 0);
	CHECK_INT(spent(1).budget_crossed, 80);
	CHECK_INT(spent(199).budget_crossed, 0);
	CHECK_INT(spent(5000).budget_crossed, 100);
	CHECK_INT(spent(5000).budget_crossed, 0);
	text("UPDATE ai_usage SET day = '2026-01-01'");
	CHECK_INT(spent(1000).budget_crossed, 100);
	end();
}

TEST(a_load_says_what_was_spent_today_where_there_is_a_budget)
{
	begin();
	spent(300);
	CHECK_INT(loaded("A").ai_spent_micros, 0);
	set("ai_daily_budget", "1");
	CHECK_INT(loaded("B").ai_spent_micros, 300);
	text("UPDATE ai_usage SET day = '2026-01-01'");
	CHECK_INT(loaded("C").ai_spent_micros, 0);
	end();
}

TEST(the_day_is_of_the_tenants_clock)
{
	begin();
	set("time_zone", "Pacific/Kiritimati"); /* UTC+14 */
	spent(1);
	set("time_zone", "Pacific/Niue"); /* UTC-11: another day at any time */
	spent(1);
	CHECK_INT(number("SELECT count(DISTINCT day) FROM ai_usage"), 2);
	end();
}

TEST(a_tenant_that_is_not_there_spends_nothing)
{
	struct store_usage usage = {.model = STR("m")};
	struct store_spend op = {.tenant = STR("9"), .usage = &usage, .usage_count = 1};

	begin();
	CHECK_INT(RUN(store_spend, &op), ERR_NO_TENANT);
	CHECK_INT(requests(), 0);
	end();
}

TEST(what_was_asked_is_counted_though_the_turn_has_its_reply_or_is_over)
{
	begin();
	struct store_load l = loaded("A");
	CHECK_INT(keep(&l, 1, "KA"), 0);
	CHECK_INT(requests(), 1);
	CHECK_INT(keep(&l, 1, "KA2"), 0);
	CHECK_INT(requests(), 2);
	CHECK_INT(number("SELECT count(*) FROM messages WHERE source = 'bot'"), 1);

	l = loaded("B");
	CHECK_INT(keep(&l, 1, NULL), 0);
	CHECK_INT(keep(&l, 1, "KB"), 0);
	CHECK_INT(requests(), 4);
	end();
}

TEST(a_keep_that_is_refused_counts_nothing)
{
	begin();
	struct store_load l = loaded("A");
	CHECK_INT(keep(&l, 0, "KA"), ERR_FENCED);
	CHECK_INT(requests(), 0);
	end();
}

TEST(each_text_of_a_prompt_has_a_number)
{
	struct store_prompt_list list = {.tenant = STR("1")};

	begin();
	CHECK_INT(loaded("A").found.prompt_version, 0);
	set("prompt", "boats");
	set("prompt", "boats"); /* the same */
	set("name", "Kites");
	CHECK_INT(loaded("B").found.prompt_version, 1);
	set("prompt", "kites");
	set("prompt", "");
	set("prompt", "boats");
	CHECK_INT(loaded("C").found.prompt_version, 3);
	CHECK_INT(RUN(store_prompt_list, &list), 0);
	CHECK_INT((int64_t)list.count, 3);
	CHECK_INT(list.prompts[0].version, 3);
	CHECK_STR(list.prompts[1].text, "kites");
	end();
}

UNIT_MAIN
