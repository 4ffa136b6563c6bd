/* SPDX-License-Identifier: MIT */
/* cli_backup.c: prosaas backup: all that we keep, in a folder.
 *
 *   Redis ---> redis.rdb       first: what is done between the two moments the
 *   database ---> prosaas.db   database knows, so a job that comes again ends without
 *   manifest.json              effects; the other way round it would be forgotten
 *
 * Each as NAME.new until all are there: a backup that fails takes none away.
 * Everything may go on meanwhile. */
#include "cli_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/settings.h"
#include "cli_backup_priv.h"
#include "cli_redis.h"
#include "codec/val.h"
#include "queue/redis_copy.h"
#include "queue/redis_url.h"
#include "store/store.h"
#include "store/store_backup.h"
#include "version.h"

static int run(void *into);

static const struct cli_row row = {"", run, 1, 1, "DIR [--force]",
	"Copies the database and Redis, one moment of each, to the new folder DIR, "
	"while\n"
	"everything goes on.  With --force a backup that is there is replaced."};

/* --- shared --------------------------------------------------------------- */

int
backup_command(const char *name, const struct cli_row *only, const struct settings *s,
	int argc, char **argv)
{
	static const struct cli_option options[] = {
		{"--force", CLI_FLAG, offsetof(struct backup, force)},
	};
	const struct cli_command command = {name, only, 1, options, ARRAY_LEN(options)};
	static struct backup b; /* the words live as long as the process */
	int status;

	b.s = s;
	arena_init(&b.arena);
	const struct cli_row *r =
		cli_words(&command, argc, argv, &b, &b.words, &status);
	status = r ? r->run(&b) : status;
	arena_done(&b.arena);
	return status;
}

const char *
backup_path(struct backup *b, const char *name)
{
	return arena_printf(&b->arena, "%.*s/%s", STR_FMT(b->words.words[0]), name).p;
}

bool
backup_find(struct backup *b)
{
	return store_path(store_url(b->s, &b->arena), b->database, b->err) == 0;
}

int
backup_fail(const struct backup *b)
{
	fprintf(stderr, "prosaas: %s\n", b->err);
	return CLI_FAILED;
}

/* --- the parts ------------------------------------------------------------ */

static const char *const parts[] = {BACKUP_REDIS, BACKUP_DATABASE, BACKUP_MANIFEST};

static const char *
new_path(struct backup *b, const char *name)
{
	return arena_printf(&b->arena, "%s.new", backup_path(b, name)).p;
}

static int
fail_at(struct backup *b, const char *path, const char *why)
{
	snprintf(b->err, sizeof(b->err), "%s: %s", path, why);
	return -1;
}

/* Of this run that failed, or of one that was killed. */
static void
drop_new(struct backup *b)
{
	static const char *const more[] = {
		BACKUP_DATABASE ".new-wal", BACKUP_DATABASE ".new-shm"};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		unlink(new_path(b, parts[i]));
	for (size_t i = 0; i < ARRAY_LEN(more); i++)
		unlink(backup_path(b, more[i]));
}

/* Makes the folder, and has it alone until the process ends; one that holds a backup is
 * left alone unless --force. */
static int
make_folder(struct backup *b)
{
	const char *dir = backup_path(b, "");

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return fail_at(b, dir, strerror(errno));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_at(b, dir, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return fail_at(b, dir, "another backup is written there");
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const char *path = backup_path(b, parts[i]);

		if (!b->force && access(path, F_OK) == 0)
			return fail_at(b, path,
				"is there already: name another folder, or --force");
	}
	drop_new(b);
	return 0;
}

/* The manifest last: it says of both others what they are. */
static int
put_in_place(struct backup *b)
{
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (rename(new_path(b, parts[i]), backup_path(b, parts[i])) < 0)
			return fail_at(b, backup_path(b, parts[i]), strerror(errno));
	return 0;
}

static int
copy_redis(struct backup *b)
{
	const char *path = new_path(b, BACKUP_REDIS);
	redisContext *c = redis_copy_open(b->url, "prosaas-backup", b->err);
	struct redis_url u;

	if (!c)
		return -1;
	if (redis_url_parse(b->url, &u) == 0)
		b->redis_db = u.db;
	redis_url_done(&u);
	redisReply *r = redisCommand(c, "DBSIZE");
	b->keys = r ? r->integer : 0;
	if (r)
		freeReplyObject(r);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int bad = fd < 0 ? -errno : redis_copy_dump(c, fd, b->err);
	if (fd < 0 || (bad == 0 && fsync(fd) < 0)) {
		snprintf(b->err, sizeof(b->err), "%s: %s", path, strerror(errno));
		bad = -1;
	}
	if (fd >= 0)
		close(fd);
	redisFree(c);
	return bad;
}

static int
copy_database(struct backup *b)
{
	const char *path = new_path(b, BACKUP_DATABASE);
	mode_t before = umask(0077);
	int bad = store_backup(b->database, path, b->err);

	umask(before);
	return bad == 0 ? store_backup_check(path, &b->schema, b->err) : bad;
}

static int
add_file(struct backup *b, struct buf *out, const char *name)
{
	char sum[2 * DIGEST_SIZE + 1] = "";
	const char *path = new_path(b, name);
	struct stat st = {0};

	int bad = digest_file(path, sum);
	if (bad == 0 && stat(path, &st) < 0)
		bad = -errno;
	if (bad < 0) {
		snprintf(b->err, sizeof(b->err), "%s: %s", path, strerror(-bad));
		return bad;
	}
	buf_addf(out, "{\"bytes\":%lld,\"sha256\":\"%s\"}", (long long)st.st_size, sum);
	return 0;
}

static int
write_manifest(struct backup *b, struct buf *out)
{
	const char *path = new_path(b, BACKUP_MANIFEST);
	FILE *f = fopen(path, "wxe");
	bool good = f && fwrite(buf_str(out).p, 1, buf_len(out), f) == buf_len(out) &&
		    fflush(f) == 0 && fsync(fileno(f)) == 0;

	if (!good)
		snprintf(b->err, sizeof(b->err), "%s: %s", path, strerror(errno));
	if (f)
		fclose(f);
	return good ? 0 : -1;
}

static int
add_manifest(struct backup *b)
{
	char now[CLOCK_ISO_SIZE];
	struct buf out;

	clock_iso(now, clock_wall_us());
	buf_init(&out);
	buf_addf(&out,
		"{\"format\":%d,\"prosaas\":\"" PROSAAS_VERSION " (" PROSAAS_COMMIT
		")\",\"made_at\":\"%s\",\"schema\":%d,\"redis_db\":%lld,"
		"\"redis_keys\":%lld,\n\"" BACKUP_DATABASE "\":",
		BACKUP_FORMAT, now, b->schema, (long long)b->redis_db,
		(long long)b->keys);
	int bad = add_file(b, &out, BACKUP_DATABASE);
	buf_addz(&out, ",\n\"" BACKUP_REDIS "\":");
	if (bad == 0)
		bad = add_file(b, &out, BACKUP_REDIS);
	buf_addz(&out, "}\n");
	if (bad == 0)
		bad = write_manifest(b, &out);
	buf_done(&out);
	return bad;
}

/* --- the command ---------------------------------------------------------- */

static int
run(void *into)
{
	struct backup *b = into;

	if (!backup_find(b))
		return backup_fail(b);
	if (cli_redis_url(b->s, b->url) < 0)
		return CLI_FAILED;
	if (access(b->database, F_OK) < 0) {
		fprintf(stderr, "prosaas: %s: %s\n", b->database, strerror(errno));
		return CLI_FAILED;
	}
	if (make_folder(b) < 0)
		return backup_fail(b);
	if (copy_redis(b) < 0 || copy_database(b) < 0 || add_manifest(b) < 0 ||
		put_in_place(b) < 0) {
		drop_new(b);
		return backup_fail(b);
	}
	printf("%.*s: the database (schema %d) and %lld keys of Redis\n",
		STR_FMT(b->words.words[0]), b->schema, (long long)b->keys);
	return CLI_DONE;
}

int
cli_backup(const struct settings *s, int argc, char **argv)
{
	return backup_command("backup", &row, s, argc, argv);
}
