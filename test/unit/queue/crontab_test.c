/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <unistd.h>

#include "base/err.h"
#include "base/settings.h"
#include "base/zone.h"
#include "codec/rqjob.h"
#include "codec/val.h"
#include "queue/crontab.h"

static struct crontab table;
static char err[512], path[64];

/* Loads a table from a file that holds text; NULL: there is none. */
static int
load(const char *text)
{
	struct settings s = {.cron_file = path,
		.rq_queues = "high, default,maintenance,prosaas",
		.rq_serializer = "pickle"};

	err[0] = '\0';
	snprintf(path, sizeof(path), "/tmp/prosaas-cron-%d.json", (int)getpid());
	if (text) {
		FILE *f = fopen(path, "w");
		CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
	}
	int bad = crontab_load(&table, &s, err);
	unlink(path);
	return bad;
}

/* Those of the file, which stand first. */
static size_t
named(void)
{
	size_t n = 0;

	while (n < table.count && !table.entries[n].built_in)
		n++;
	return n;
}

static const struct crontab_entry *
find(const char *name)
{
	for (size_t i = 0; i < table.count; i++)
		if (str_eqz(table.entries[i].name, name))
			return &table.entries[i];
	FAIL("no entry %s", name);
	return NULL;
}

TEST(an_entry_is_read_with_its_defaults)
{
	struct rqjob_call call;

	CHECK_INT(load("[{\"name\":\"nightly\",\"schedule\":\"30 3 * * *\","
		       "\"function\":\"jobs.clean_up\"}]"),
		0);
	CHECK_INT(named(), 1);
	const struct crontab_entry *e = table.entries;
	CHECK_STR(e->name, "nightly");
	CHECK_STR(e->function, "jobs.clean_up");
	CHECK_STR(e->queue, "maintenance");
	CHECK(!e->tenant.p && !e->once);
	CHECK_INT(schedule_next(&e->schedule, e->zone, 0), 3 * 3600 + 1800);
	CHECK_INT(rqjob_parse(&table.arena, e->data, &call, err), 0);
	CHECK_STR(call.func, "jobs.clean_up");
	CHECK_INT(call.kwargs->count, 0);
	crontab_done(&table);
}

TEST(an_entry_is_read_with_all_its_keys)
{
	struct rqjob_call call;

	CHECK_INT(load("[{\"name\":\"a\",\"schedule\":\"@daily\",\"function\":\"f\"},"
		       "{\"tenant\":\"business_7\",\"missed\":\"once\","
		       "\"queue\":\"default\",\"kwargs\":{\"days\":30},"
		       "\"function\":\"jobs.b\",\"timezone\":\"Asia/Kolkata\","
		       "\"schedule\":\"@daily\",\"name\":\"b\"}]"),
		0);
	CHECK_INT(named(), 2);
	const struct crontab_entry *e = &table.entries[1];
	CHECK_STR(e->name, "b");
	CHECK_STR(e->queue, "default");
	CHECK_STR(e->tenant, "7");
	CHECK(e->once);
	CHECK_INT(schedule_next(&e->schedule, e->zone, 0), 86400 - 5 * 3600 - 1800);
	CHECK_INT(rqjob_parse(&table.arena, e->data, &call, err), 0);
	CHECK_INT(val_int(val_get(call.kwargs, "days"), 0), 30);
	crontab_done(&table);
}

TEST(entries_of_one_zone_share_it)
{
	CHECK_INT(load("[{\"name\":\"a\",\"schedule\":\"@daily\",\"function\":\"f\","
		       "\"timezone\":\"Europe/Berlin\"},"
		       "{\"name\":\"b\",\"schedule\":\"@daily\",\"function\":\"f\","
		       "\"timezone\":\"Europe/Berlin\"},"
		       "{\"name\":\"c\",\"schedule\":\"@daily\",\"function\":\"f\"}]"),
		0);
	CHECK(table.entries[0].zone == table.entries[1].zone);
	CHECK(table.entries[0].zone != table.entries[2].zone);
	crontab_done(&table);
}

TEST(without_a_file_there_is_what_is_built_in)
{
	struct settings s = {.rq_queues = OWN_QUEUE, .rq_serializer = "pickle"};

	CHECK_INT(crontab_load(&table, &s, err), 0);
	CHECK_INT(named(), 0);
	size_t built_in = table.count;
	CHECK(find("prosaas.sessions")->built_in);
	CHECK(find("prosaas.retention")->built_in);
	CHECK_STR(find("prosaas.sessions")->queue, OWN_QUEUE);
	crontab_done(&table);
	CHECK_INT(load("[]"), 0);
	CHECK_INT(named(), 0);
	CHECK_INT(table.count, built_in);
	crontab_done(&table);
}

TEST(an_entry_of_the_file_stands_in_the_place_of_a_built_in_one)
{
	CHECK_INT(load("[]"), 0);
	size_t built_in = table.count;
	crontab_done(&table);
	CHECK_INT(load("[{\"name\":\"prosaas.sessions\",\"schedule\":\"@daily\","
		       "\"function\":\"prosaas.sessions\",\"queue\":\"prosaas\"}]"),
		0);
	CHECK_INT(named(), 1);
	CHECK_INT(table.count, built_in);
	const struct crontab_entry *e = find("prosaas.sessions");
	CHECK(!e->built_in);
	CHECK_INT(schedule_next(&e->schedule, e->zone, 0), 86400);
	crontab_done(&table);
}

#define ENTRY(more) \
	"[{\"name\":\"a\",\"schedule\":\"@daily\",\"function\":\"f\"," more "}]"

TEST(what_is_wrong_is_said_with_file_and_entry)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{NULL, ": No such file"},
		{"", ": "},
		{"[", ": "},
		{"{}", "it is not an array"},
		{"[1]", "entry 1: it is not an object"},
		{"[{}]", "entry 1: name is missing"},
		{"[{\"name\":\"a\"}]", "entry 1 (a): schedule is missing"},
		{"[{\"name\":\"a\",\"schedule\":\"@daily\"}]",
			"entry 1 (a): function is missing"},
		{"[{\"name\":\"a b\"}]", "entry 1: name \"a b\": allowed are"},
		{"[{\"name\":\"\"}]", "entry 1: name \"\": allowed are"},
		{"[{\"name\":7}]", "entry 1: name 7: allowed are"},
		{"[{\"name\":\"a\",\"schedule\":\"@daily\",\"function\":\"f\"},"
		 "{\"name\":\"a\"}]",
			"entry 2: name \"a\": an entry before it has that name"},
		{"[{\"name\":\"a\",\"schedule\":\"* * 30 2 *\"}]",
			"entry 1 (a): schedule \"* * 30 2 *\": never runs"},
		{"[{\"name\":\"a\",\"schedule\":5}]",
			"entry 1 (a): schedule 5: allowed is a text"},
		{"[{\"name\":\"a\",\"schedule\":\"@daily\",\"function\":\"os "
		 "system\"}]",
			"entry 1 (a): function \"os system\": allowed is a dotted "
			"name"},
		{ENTRY("\"timezone\":\"Europe/Berln\""),
			"entry 1 (a): timezone \"Europe/Berln\": no time zone"},
		{ENTRY("\"timezone\":null"),
			"entry 1 (a): timezone null: not the name"},
		{ENTRY("\"kwargs\":[1]"),
			"entry 1 (a): kwargs [1]: allowed is an object"},
		{ENTRY("\"queue\":\"low\""), "entry 1 (a): queue \"low\": allowed are "
					     "the queues of RQ_QUEUES"},
		{ENTRY("\"queue\":\"\""), "entry 1 (a): queue \"\": allowed are"},
		{ENTRY("\"missed\":\"all\""),
			"entry 1 (a): missed \"all\": allowed are skip, once"},
		{ENTRY("\"tenant\":\"a/b\""),
			"entry 1 (a): tenant \"a/b\": allowed are"},
		{ENTRY("\"zone\":\"UTC\""), "entry 1 (a): unknown key \"zone\""},
		{ENTRY("\"a\\nb\":1"), "entry 1 (a): unknown key \"a"},
		{ENTRY("\"name\":\"b\""), "entry 1 (b): name stands there twice"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (load(rows[i].text) >= 0)
			FAIL("taken: %s", rows[i].text);
		CHECK(strstr(err, "CRON_FILE=/tmp/") == err && strstr(err, path));
		if (!strstr(err, rows[i].says) || strchr(err, '\n'))
			FAIL("%s: %s", rows[i].text, err);
		CHECK_INT(table.count, 0);
	}
}

UNIT_MAIN
