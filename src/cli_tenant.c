/* SPDX-License-Identifier: MIT */
/* cli_tenant.c: prosaas migrate; prosaas tenant add|list|show|set|remove|seal.
 *
 * To add a subcommand: one row in `rows`. */
#include "cli_tenant.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/seal.h"
#include "cli_file.h"
#include "cli_redis.h"
#include "cli_store.h"
#include "cli_table.h"
#include "client/gateway.h"
#include "job/phones.h"
#include "queue/directory.h"
#include "store/store.h"
#include "store/tenant_json.h"

enum { USAGE = 2, VALUE_MAX = 1 << 20 };

struct cli {
	const struct settings *s;
	struct store *store;
	struct arena arena;
	bool json;
	int argc; /* without --json */
	char *argv[64];
};

static void
print_tenant(const struct cli *c, const struct tenant *t)
{
	struct buf out;

	buf_init(&out);
	if (c->json)
		tenant_json(&out, t);
	else
		tenant_lines(&out, t);
	if (c->json)
		buf_addc(&out, '\n');
	cli_print_take(&out);
}

/* --- the api is told ------------------------------------------------------- */

static bool
is_about_phones(struct str name)
{
	return str_eqz(name, "gateway") || str_starts(name, STR("meta_"));
}

static int
write_directory(struct cli *c, const struct directory_entry *entries, size_t count)
{
	static struct cli_redis redis;

	if (cli_redis_open(&redis, c->s) < 0)
		return -1;
	directory_write(
		redis.redis, &redis.cmd, &c->arena, entries, count, cli_redis_done);
	int r = cli_redis_wait(&redis, NULL, NULL);
	cli_redis_close(&redis);
	return r;
}

/* Whose the phones are: the api has no database. */
static void
tell_api(struct cli *c)
{
	struct store_tenant_list op = {.op.arena = &c->arena};
	struct directory_entry *entries;

	store_tenant_list(c->store, &op, NULL);
	if (store_run(c->store, &op.op) < 0)
		return;
	size_t count = phones_of(&c->arena, c->s, op.tenants, op.count, &entries);
	if (write_directory(c, entries, count) < 0)
		fprintf(stderr, "prosaas: the api hears of it within a minute, from a "
				"worker\n");
}

/* --- subcommands ------------------------------------------------------------ */

static int
put(struct cli *c, bool create)
{
	bool tell = false;
	size_t count = (size_t)c->argc - 1;
	struct str *names = arena_alloc(&c->arena, count * sizeof(*names) + 1);
	struct str *values = arena_alloc(&c->arena, count * sizeof(*values) + 1);
	struct store_tenant_put op = {.op.arena = &c->arena,
		.id = str_of(c->argv[0]),
		.create = create,
		.names = names,
		.values = values,
		.count = count,
		.check = gateway_check_tenant,
		.check_arg = c->s};

	for (size_t i = 0; i < count; i++) {
		struct str value = str_of(c->argv[i + 1]);

		names[i] = str_cut(&value, '=');
		if (!value.p)
			return USAGE;
		tell |= is_about_phones(names[i]);
		if (cli_file_or_word(&c->arena, value, VALUE_MAX, &values[i]) < 0)
			return 1;
	}
	store_tenant_put(c->store, &op, NULL);
	if (store_run(c->store, &op.op) < 0)
		return cli_store_report(&op.op);
	printf("tenant %s %s\n", c->argv[0], create ? "added" : "changed");
	if (tell)
		tell_api(c);
	return 0;
}

static int
cmd_add(struct cli *c)
{
	return put(c, true);
}

static int
cmd_set(struct cli *c)
{
	return put(c, false);
}

static int
cmd_show(struct cli *c)
{
	struct store_tenant_get op = {.op.arena = &c->arena, .id = str_of(c->argv[0])};

	store_tenant_get(c->store, &op, NULL);
	if (store_run(c->store, &op.op) < 0)
		return cli_store_report(&op.op);
	print_tenant(c, &op.found);
	return 0;
}

static int
cmd_list(struct cli *c)
{
	struct store_tenant_list op = {.op.arena = &c->arena};

	store_tenant_list(c->store, &op, NULL);
	if (store_run(c->store, &op.op) < 0)
		return cli_store_report(&op.op);
	if (!c->json && op.count)
		printf("%-12s %-8s %s\n", "ID", "STATUS", "NAME");
	for (size_t i = 0; i < op.count; i++) {
		const struct tenant *t = &op.tenants[i];

		if (c->json)
			print_tenant(c, t);
		else
			printf("%-12.*s %-8.*s %.*s\n", STR_FMT(t->id),
				STR_FMT(t->status), STR_FMT(t->name));
	}
	return 0;
}

static int
cmd_remove(struct cli *c)
{
	struct store_tenant_get get = {.op.arena = &c->arena, .id = str_of(c->argv[0])};
	struct store_tenant_remove op = {
		.op.arena = &c->arena, .id = str_of(c->argv[0])};
	bool tell;

	store_tenant_get(c->store, &get, NULL);
	tell = store_run(c->store, &get.op) == 0 &&
	       (get.found.meta_phone_number_id.n || str_eqz(get.found.gateway, "meta"));

	store_tenant_remove(c->store, &op, NULL);
	if (store_run(c->store, &op.op) < 0)
		return cli_store_report(&op.op);
	printf("tenant %s removed\n", c->argv[0]);
	if (tell)
		tell_api(c);
	return 0;
}

/* Writes a tenant as it is, which seals its secrets with the key of now. */
static int
seal_one(struct cli *c, struct str id)
{
	struct store_tenant_put put = {.op.arena = &c->arena, .id = id};
	struct store_tenant_get get = {.op.arena = &c->arena, .id = id};

	store_tenant_get(c->store, &get, NULL);
	if (store_run(c->store, &get.op) < 0)
		return cli_store_report(&get.op);
	store_tenant_put(c->store, &put, NULL);
	return store_run(c->store, &put.op) < 0 ? cli_store_report(&put.op) : 0;
}

static int
cmd_seal(struct cli *c)
{
	struct store_tenant_list op = {.op.arena = &c->arena};
	size_t sealed = 0;

	if (!seal_ready()) {
		fprintf(stderr, "prosaas: SECRETS_KEY is not set\n");
		return 1;
	}
	store_tenant_list(c->store, &op, NULL);
	if (store_run(c->store, &op.op) < 0)
		return cli_store_report(&op.op);
	for (size_t i = 0; i < op.count; i++)
		sealed += seal_one(c, op.tenants[i].id) == 0;
	printf("secrets of %zu of %zu tenants are sealed with SECRETS_KEY\n", sealed,
		op.count);
	return sealed == op.count ? 0 : 1;
}

static const struct row {
	const char *name;
	int (*run)(struct cli *);
	int least, most; /* words that follow */
	const char *usage;
} rows[] = {
	{"add", cmd_add, 1, 63, "add ID [name=value ...]"},
	{"list", cmd_list, 0, 0, "list [--json]"},
	{"show", cmd_show, 1, 1, "show ID [--json]"},
	{"set", cmd_set, 2, 63, "set ID name=value ..."},
	{"remove", cmd_remove, 1, 1, "remove ID"},
	{"seal", cmd_seal, 0, 0, "seal"},
};

static int
usage(const struct row *r)
{
	if (r)
		fprintf(stderr, "usage: prosaas tenant %s\n", r->usage);
	else
		fprintf(stderr,
			"usage: prosaas tenant add|list|show|set|remove|seal ...\n");
	return USAGE;
}

static int
take_words(struct cli *c, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			c->json = true;
		else if (argv[i][0] == '-' || c->argc == (int)ARRAY_LEN(c->argv))
			return -1;
		else
			c->argv[c->argc++] = argv[i];
	}
	return 0;
}

int
cli_tenant(const struct settings *s, int argc, char **argv)
{
	const struct row *r = NULL;
	struct cli c = {.s = s};

	for (size_t i = 0; argc > 0 && i < ARRAY_LEN(rows); i++)
		if (strcmp(argv[0], rows[i].name) == 0)
			r = &rows[i];
	if (!r || take_words(&c, argc, argv) < 0 || c.argc < r->least ||
		c.argc > r->most)
		return usage(r);

	arena_init(&c.arena);
	c.store = cli_store_open(s, &c.arena);
	int status = r->run(&c);
	if (status == USAGE)
		usage(r);
	store_close(c.store);
	arena_done(&c.arena);
	return status;
}

int
cli_migrate(const struct settings *s)
{
	struct arena arena;
	int from, to;
	char err[256];

	arena_init(&arena);
	if (store_migrate(store_url(s, &arena), &from, &to, err) < 0)
		die("%s", err);
	if (from > to)
		printf("database at schema %d, newer than this program (%d), which can "
		       "still use it: nothing to do\n",
			from, to);
	else if (from == to)
		printf("database at schema %d, nothing to do\n", to);
	else
		printf("database migrated from %d to %d\n", from, to);
	arena_done(&arena);
	return 0;
}
