/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "../../../src/job/tools.c"

#define HOSTS "crm.example.com, n8n:5678,10.0.0.7 ,[::1]:80"

TEST(tools_are_reached_on_listed_hosts_only)
{
	static const struct {
		const char *url;
		bool may, own;
	} rows[] = {
		{"https://crm.example.com/a", true, false},
		{"https://CRM.example.com?a", true, false},
		{"http://crm.example.com", true, false},
		{"http://n8n:5678/hook", true, true},
		{"http://10.0.0.7/x", true, true},
		{"http://[::1]:80/", true, true},
		{"https://crm.example.com:8443/a", false, false},
		{"https://evil.com/crm.example.com", false, false},
		{"https://crm.example.com.evil.com/", false, false},
		{"https://crm.example.com@evil.com/", false, false},
		{"https://evil.com\\@crm.example.com/", false, false},
		{"https://crm.example.com\n/", false, false},
		{"http://n8n/hook", false, false},
		{"ftp://crm.example.com/", false, false},
		{"crm.example.com", false, false},
		{"https://", false, false},
		{"", false, false},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool own = false;
		bool may = tools_may_reach(STR(HOSTS), str_of(rows[i].url), &own);

		if (may != rows[i].may || own != rows[i].own)
			FAIL("%s: %d %d", rows[i].url, may, own);
	}
}

TEST(tools_results_fit_into_half_of_the_budget)
{
	struct ai_turn turns[4];
	struct ai_tool_call calls[4] = {{.id = STR("a")}};
	struct job job = {0};
	struct tools t = {
		.job = &job, .turns = turns, .calls = calls, .tokens_max = 300};
	char text[1000]; /* 250 tokens */

	memset(text, 'x', sizeof(text));
	arena_init(&job.arena);
	for (int i = 0; i < 4; i++)
		add_result(&t, (struct str){text, sizeof(text)});
	CHECK_INT(turns[0].text.n, sizeof(text));
	for (int i = 1; i < 4; i++)
		CHECK(prompt_tokens(turns[i].text) <= TOOLS_RESULT_TOKENS_MIN);
	CHECK(t.tokens <= 250 + 3 * TOOLS_RESULT_TOKENS_MIN + 4 * PROMPT_MESSAGE);
	arena_done(&job.arena);
}

TEST(tools_sign_as_rfc_4231_does)
{
	char hex[DIGEST_HMAC_HEX_SIZE];

	digest_hmac_hex(256, STR("Jefe"), STR("what do ya want for nothing?"), hex);
	CHECK_STR(str_of(hex), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b"
			       "964ec3843");
}

UNIT_MAIN
