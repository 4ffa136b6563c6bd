/* SPDX-License-Identifier: MIT */
/* cli_audit.c: prosaas audit: what was decided, the newest first. */

#include "base/arena.h"
#include "base/buf.h"
#include "cli_person.h"
#include "cli_store.h"
#include "cli_table.h"
#include "cli_words.h"
#include "codec/val.h"
#include "store/store.h"

enum { LIMIT = 50 };

struct audit {
	struct cli_words words;
	struct store_audit_list list;
	struct arena arena;
	int64_t limit;
	bool json;
};

static int audit_run(void *into);

static const struct cli_row rows[] = {
	{"", audit_run, 1, 1, "TENANT [--limit N] [--json]",
		"What people and programs decided: merges of contacts, erasures, "
		"replays of dead\n"
		"letters, takeovers.  The newest first, 50 or N."},
};

static const struct cli_option options[] = {
	{"--limit", CLI_NUMBER, offsetof(struct audit, limit)},
	{"--json", CLI_FLAG, offsetof(struct audit, json)},
};

static const struct cli_command command = {
	"audit", rows, ARRAY_LEN(rows), options, ARRAY_LEN(options)};

static struct str
id_text(struct arena *a, int64_t id)
{
	return id > 0 ? arena_printf(a, "%lld", (long long)id) : STR("");
}

static void
print_table(struct audit *u)
{
	static const char *const heads[] = {"ID", "WHEN", "ACTION", "ACTOR", "CONTACT",
		"OTHER", "CONVERSATION", "UNDONE", "DETAIL", NULL};
	struct cli_table t;

	cli_table_init(&t, heads);
	for (size_t i = 0; i < u->list.count; i++) {
		const struct store_audit *row = &u->list.rows[i];

		cli_table_add(&t, id_text(&u->arena, row->id));
		cli_table_date(&t, &u->arena, row->created_us);
		cli_table_add(&t, row->action);
		cli_table_add(&t, row->actor);
		cli_table_add(&t, id_text(&u->arena, row->contact_id));
		cli_table_add(&t, id_text(&u->arena, row->other_id));
		cli_table_add(&t, id_text(&u->arena, row->conversation_id));
		cli_table_date(&t, &u->arena, row->undone_us);
		cli_table_add(&t, row->detail);
	}
	cli_table_print(&t);
}

static void
print_json(struct audit *u)
{
	struct buf out;

	buf_init(&out);
	for (size_t i = 0; i < u->list.count; i++) {
		const struct store_audit *row = &u->list.rows[i];

		buf_addf(&out, "{\"id\":%lld,\"action\":", (long long)row->id);
		json_quote(&out, row->action);
		cli_json_text(&out, "actor", row->actor);
		cli_json_text(&out, "detail", row->detail);
		buf_addf(&out,
			",\"contact_id\":%lld,\"other_id\":%lld,"
			"\"conversation_id\":%lld,\"created_us\":%lld,"
			"\"undone_us\":%lld",
			(long long)row->contact_id, (long long)row->other_id,
			(long long)row->conversation_id, (long long)row->created_us,
			(long long)row->undone_us);
		buf_addz(&out, "}\n");
	}
	cli_print_take(&out);
}

static int
audit_run(void *into)
{
	struct audit *u = into;

	if (u->json)
		print_json(u);
	else
		print_table(u);
	return CLI_DONE;
}

int
cli_audit(const struct settings *s, int argc, char **argv)
{
	static struct audit u; /* the words live as long as the process */
	int status;

	u.limit = LIMIT;
	const struct cli_row *r =
		cli_words(&command, argc, argv, &u, &u.words, &status);
	if (!r)
		return status;
	arena_init(&u.arena);
	struct store *store = cli_store_open(s, &u.arena);
	u.list = (struct store_audit_list){
		.op.arena = &u.arena, .tenant = u.words.words[0], .limit = u.limit};
	store_audit_list(store, &u.list, NULL);
	if (store_run(store, &u.list.op) == 0)
		status = r->run(&u);
	else
		status = cli_store_report(&u.list.op);
	store_close(store);
	arena_done(&u.arena);
	return status;
}
