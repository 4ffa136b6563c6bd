/* SPDX-License-Identifier: MIT */
/* cli_restore.c: prosaas restore: what prosaas backup made, put back.
 *
 *   manifest, sums ---> nobody at work, nothing in the way ---> database copied and
 *   checked beside its place ---> Redis filled ---> database in its place
 *
 * Nothing is touched before all of the first line is well.  Redis is filled from a
 * redis-server of our own that reads redis.rdb: the real one may be on another
 * machine, and keeps its log and its settings.  Of `all`, whose Redis is down when it
 * is, that is started too. */
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/settings.h"
#include "cli_backup.h"
#include "cli_backup_priv.h"
#include "cli_file.h"
#include "cli_progress.h"
#include "codec/json.h"
#include "codec/val.h"
#include "queue/redis_copy.h"
#include "role/home.h"
#include "store/store_backup.h"

enum {
	MANIFEST_MAX = 64 << 10,
	NODES_MAX = 100,
	PIECE = 64 << 10,
};

static int64_t keys_total; /* as the manifest says */

static int run(void *into);

static const struct cli_row row = {"", run, 1, 1, "DIR [--force]",
	"Puts a backup back into REDIS_URL and DATABASE_URL, which must be empty "
	"unless\n"
	"--force.  Stop all roles first.  The database that was there is kept beside "
	"it."};

static PRINTF(2, 3) int fail(struct backup *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(b->err, sizeof(b->err), fmt, args);
	va_end(args);
	return -1;
}

/* --- is it whole? --------------------------------------------------------- */

static int
check_file(struct backup *b, const struct val *manifest, const char *name)
{
	char sum[2 * DIGEST_SIZE + 1];
	const char *path = backup_path(b, name);
	struct str want = val_text(val_get(val_get(manifest, name), "sha256"));

	int bad = digest_file(path, sum);
	if (bad < 0)
		return fail(b, "%s: %s", path, strerror(-bad));
	if (!str_eqz(want, sum))
		return fail(b,
			"%s is not what " BACKUP_MANIFEST
			" says (sha256): it was changed or cut off",
			path);
	return 0;
}

static int
check_backup(struct backup *b)
{
	const char *path = backup_path(b, BACKUP_MANIFEST);
	struct val *m;
	struct str text;
	char why[128];

	if (cli_file(&b->arena, path, MANIFEST_MAX, &text) < 0)
		return fail(b, "a backup has a " BACKUP_MANIFEST " when it is whole");
	if (json_parse(&b->arena, text, NODES_MAX, &m, why) < 0)
		return fail(b, "%s: %s", path, why);
	if (val_int(val_get(m, "format"), 0) != BACKUP_FORMAT)
		return fail(b, "%s: not a format that this prosaas reads", path);
	b->schema = (int)val_int(val_get(m, "schema"), 0);
	b->redis_db = val_int(val_get(m, "redis_db"), 0);
	keys_total = val_int(val_get(m, "redis_keys"), 0);
	if (b->schema > store_version())
		return fail(b,
			"%s: made at schema version %d, this program knows %d: use a "
			"newer prosaas",
			path, b->schema, store_version());
	if (check_file(b, m, BACKUP_DATABASE) < 0)
		return -1;
	return check_file(b, m, BACKUP_REDIS);
}

/* --- may it go there? ----------------------------------------------------- */

/* A connection of one of our roles to that database of Redis. */
static bool
is_role(struct str line)
{
	static const char mark[] = " name=prosaas-";
	const char *name = memmem(line.p, line.n, mark, sizeof(mark) - 1);
	static const char ours[] = " name=prosaas-restore";

	return name && !memmem(line.p, line.n, ours, sizeof(ours) - 1);
}

static int
check_idle(struct backup *b, redisContext *c)
{
	redisReply *r = redisCommand(c, "CLIENT LIST");
	struct str rest = r && r->str ? (struct str){r->str, r->len} : STR("");
	int at_work = 0;

	while (rest.p && rest.n > 0)
		at_work += is_role(str_cut(&rest, '\n'));
	if (r)
		freeReplyObject(r);
	if (at_work > 0)
		return fail(b,
			"roles of prosaas are connected to this Redis (%d): stop "
			"them first",
			at_work);
	return 0;
}

static int
check_room(struct backup *b, redisContext *c)
{
	redisReply *r = redisCommand(c, "DBSIZE");
	long long keys = r && r->type == REDIS_REPLY_INTEGER ? r->integer : -1;

	if (r)
		freeReplyObject(r);
	if (keys < 0)
		return fail(b, "Redis: %s", *c->errstr ? c->errstr : "no DBSIZE");
	if (b->force)
		return 0;
	if (keys > 0)
		return fail(b, "Redis is not empty (%lld keys): --force replaces them",
			keys);
	if (access(b->database, F_OK) == 0)
		return fail(b,
			"%s is there: --force replaces it, and keeps it as "
			"%s.before-restore",
			b->database, b->database);
	return 0;
}

/* --- the database --------------------------------------------------------- */

/* 0 or -errno.  A disk that is full ends a write early, and says why at the next. */
static int
copy_bytes(int in, int out)
{
	char piece[PIECE];
	ssize_t n, w;

	while ((n = read(in, piece, sizeof(piece))) > 0)
		for (ssize_t done = 0; done < n; done += w) {
			w = write(out, piece + done, (size_t)(n - done));
			if (w < 0)
				return -errno;
		}
	return n < 0 || fsync(out) < 0 ? -errno : 0;
}

static int
copy_file(struct backup *b, const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return fail(b, "%s: %s", from, strerror(errno));
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int bad = out < 0 ? -errno : copy_bytes(in, out);
	if (bad < 0)
		fail(b, "%s: %s", to, strerror(-bad));
	close(in);
	if (out >= 0)
		close(out);
	return bad;
}

static const char *
beside(struct backup *b, const char *more)
{
	return arena_printf(&b->arena, "%s%s", b->database, more).p;
}

static const char *
kept(struct backup *b, const char *more)
{
	return arena_printf(&b->arena, "%s.before-restore%s", b->database, more).p;
}

static int
prepare_database(struct backup *b)
{
	const char *to = beside(b, ".restoring");

	if (copy_file(b, backup_path(b, BACKUP_DATABASE), to) < 0)
		return -1;
	return store_backup_check(to, &b->schema, b->err);
}

/* With its log, or it would be another database.  Where the file is gone already we
 * were killed here before: what is kept is what was there, and stays. */
static int
put_in_place(struct backup *b)
{
	static const char *const parts[] = {"", "-wal", "-shm"};
	bool there = access(b->database, F_OK) == 0;

	for (size_t i = 0; there && i < ARRAY_LEN(parts); i++)
		unlink(kept(b, parts[i])); /* of a restore before this one */
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const char *from = beside(b, parts[i]);

		if (rename(from, kept(b, parts[i])) < 0 && errno != ENOENT)
			return fail(b, "%s: %s", from, strerror(errno));
	}
	if (rename(beside(b, ".restoring"), b->database) < 0)
		return fail(b, "%s: %s", b->database, strerror(errno));
	return 0;
}

/* --- Redis ---------------------------------------------------------------- */

static void
tell(int64_t keys)
{
	cli_progress("keys", keys, keys_total);
}

/* Takes the reply of a command that only has to be done; says who did not. */
static int
done_by(struct backup *b, const char *who, const redisContext *c, redisReply *r)
{
	bool good = r && r->type != REDIS_REPLY_ERROR;

	if (!good)
		fail(b, "%s: %s", who, r ? r->str : c->errstr);
	if (r)
		freeReplyObject(r);
	return good ? 0 : -1;
}

static int
fill_from(struct backup *b, redisContext *to, const char *socket)
{
	static const char *const words[] = {
		"--dbfilename", BACKUP_REDIS, "--appendonly", "no", NULL};
	struct redis_server from;

	if (redis_server_start(&from, backup_path(b, ""), socket, words, b->err) < 0)
		return -1;
	int bad = done_by(b, BACKUP_REDIS, from.c,
		redisCommand(from.c, "SELECT %lld", (long long)b->redis_db));
	if (bad == 0 && b->force)
		bad = done_by(b, "Redis", to, redisCommand(to, "FLUSHDB"));
	if (bad == 0)
		bad = redis_copy_all(from.c, to, tell, &b->keys, b->err);
	cli_progress_end();
	redis_server_stop(&from);
	return bad;
}

/* DIR may be too long for a socket's path, and in /tmp itself another user could wait
 * for us with a Redis of his own: a folder that only we may enter. */
static int
fill_redis(struct backup *b, redisContext *to)
{
	char folder[] = "/tmp/prosaas-restore-XXXXXX";

	if (!mkdtemp(folder))
		return fail(b, "%s: %s", folder, strerror(errno));
	const char *socket = arena_printf(&b->arena, "%s/" HOME_REDIS, folder).p;
	int bad = fill_from(b, to, socket);
	unlink(socket);
	rmdir(folder);
	return bad;
}

/* --- the command ---------------------------------------------------------- */

static int
put_back(struct backup *b, redisContext *to)
{
	if (check_idle(b, to) < 0 || check_room(b, to) < 0)
		return -1;
	int bad = prepare_database(b);
	if (bad == 0)
		bad = fill_redis(b, to);
	if (bad == 0)
		bad = put_in_place(b);
	if (bad < 0)
		unlink(beside(b, ".restoring"));
	return bad;
}

static int
into_running(struct backup *b)
{
	redisContext *c = redis_copy_open(b->s->redis_url, "prosaas-restore", b->err);
	int bad = c ? put_back(b, c) : -1;

	if (c)
		redisFree(c);
	return bad;
}

/* As `all` would start it; it can't meanwhile: we hold its lock. */
static int
into_home(struct backup *b)
{
	static const char *const words[] = {"--appendonly", "yes", "--appendfsync",
		"everysec", "--maxmemory-policy", "noeviction", NULL};
	static const char *home; /* for ever */
	struct redis_server server;

	home = home_open(b->s);
	const char *socket = arena_printf(&b->arena, "%s/" HOME_REDIS, home).p;

	if (redis_server_start(&server, home, socket, words, b->err) < 0)
		return -1;
	int bad = put_back(b, server.c);
	redis_server_stop(&server);
	return bad;
}

static int
run(void *into)
{
	struct backup *b = into;

	if (!backup_find(b) || check_backup(b) < 0)
		return backup_fail(b);
	if ((b->s->redis_url ? into_running(b) : into_home(b)) < 0)
		return backup_fail(b);
	printf("restored: the database (schema %d) and %lld keys of Redis%s\n",
		b->schema, (long long)b->keys,
		b->schema < store_version() ? "; now run `prosaas migrate`" : "");
	return CLI_DONE;
}

int
cli_restore(const struct settings *s, int argc, char **argv)
{
	return backup_command("restore", &row, s, argc, argv);
}
