/* SPDX-License-Identifier: MIT */
/* belongs_test.c: is this about that person? */
#include "unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "codec/rqjob.h"
#include "job/belongs.h"

static struct arena arena;
static struct whose dana;

static void
begin(void)
{
	arena_init(&arena);
	dana = (struct whose){.tenant = STR("1")};
	whose_add(&dana, &arena, STR("71234567890123@lid"));
	whose_add(&dana, &arena, STR("+972501234567"));
	whose_add(&dana, &arena, STR("972501234567:2@s.whatsapp.net"));
}

TEST(a_lane_is_hers_however_her_address_is_spelled)
{
	static const struct {
		const char *lane;
		bool hers;
	} rows[] = {
		{"1:972501234567@s.whatsapp.net", true},
		{"1:972501234567:3@c.us", true},
		{"1:71234567890123@lid", true},
		{"business_1:71234567890123:1@hosted.lid", true},
		{"2:972501234567@s.whatsapp.net", false},
		{"1:71234567890123@s.whatsapp.net", false},
		{"1:972501234568@s.whatsapp.net", false},
		{"1:972501234567-123@g.us", false},
		{"1", false},
		{"", false},
	};

	begin();
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (whose_lane(&dana, &arena, str_of(rows[i].lane)) != rows[i].hers)
			FAIL("%s", rows[i].lane);
	arena_done(&arena);
}

TEST(a_locks_field_names_tenant_and_chat)
{
	begin();
	CHECK(whose_field(&dana, &arena, STR("1|972501234567@s.whatsapp.net|0")));
	CHECK(whose_field(&dana, &arena, STR("1|71234567890123:4@lid|1")));
	CHECK(whose_field(&dana, &arena, STR("1|71234567890123@lid|0|update|x2h")));
	CHECK(!whose_field(&dana, &arena, STR("2|71234567890123@lid|1")));
	CHECK(!whose_field(&dana, &arena, STR("1|972501234568@s.whatsapp.net|0")));
	CHECK(!whose_field(&dana, &arena, STR("1")));
	arena_done(&arena);
}

static bool
is_hers(const char *tenant, const char *message)
{
	struct buf data;

	buf_init(&data);
	CHECK_INT(
		rqjob_webhook(&data, false, STR("f"), str_of(tenant), str_of(message)),
		0);
	bool hers = whose_data(&dana, &arena, buf_str(&data));
	buf_done(&data);
	return hers;
}

TEST(a_job_is_hers_when_any_text_in_it_is_her_name)
{
	begin();
	CHECK(is_hers("1", "{\"key\":{\"remoteJid\":\"972501234567@c.us\"}}"));
	CHECK(is_hers("1", "{\"key\":{\"remoteJid\":\"1-2@g.us\",\"participant\":"
			   "\"71234567890123:5@lid\"}}"));
	CHECK(is_hers("1", "{\"senderPn\":\"972501234567\"}"));
	CHECK(is_hers("1", "{\"to\":\"+972501234567\"}"));
	CHECK(!is_hers("1", "{\"text\":\"call 972501234567 now\"}"));
	CHECK(!is_hers("1", "{\"key\":{\"remoteJid\":\"972501234568@c.us\"}}"));
	CHECK(!is_hers("2", "{\"key\":{\"remoteJid\":\"972501234567@c.us\"}}"));
	arena_done(&arena);
}

TEST(in_what_cant_be_read_her_number_is_enough)
{
	begin();
	CHECK(whose_data(&dana, &arena, STR("garbage 972501234567 garbage")));
	CHECK(whose_raw(&dana, STR("{\"a\":\"71234567890123@l")));
	CHECK(!whose_raw(&dana, STR("{\"a\":\"7123456789012")));
	CHECK(!whose_raw(&dana, STR("")));
	arena_done(&arena);
}

UNIT_MAIN
