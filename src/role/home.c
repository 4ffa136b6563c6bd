/* SPDX-License-Identifier: MIT */
/* home.c: what `all` keeps in DATA_DIR. */
#include "role/home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/log.h"
#include "base/settings.h"
#include "store/store.h"

enum { SECRET_DIGITS = 32, PATH_SIZE = 4096 };

const char *
home_open(const struct settings *s)
{
	char path[PATH_SIZE];

	if (mkdir(s->data_dir, 0700) < 0 && errno != EEXIST)
		die("DATA_DIR=%s: %s", s->data_dir, strerror(errno));
	char *home = realpath(s->data_dir, NULL);
	if (!home)
		die("DATA_DIR=%s: %s", s->data_dir, strerror(errno));

	snprintf(path, sizeof(path), "%s/lock", home);
	int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		die("DATA_DIR=%s: another prosaas runs on it", s->data_dir);
	return home; /* fd stays open: it is the lock */
}

static void
make_secret(const char *path, char ret[HOME_SECRET_SIZE])
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	digest_random_hex(SECRET_DIGITS, ret);
	if (fd < 0 || write(fd, ret, SECRET_DIGITS) != SECRET_DIGITS || fsync(fd) < 0)
		die("%s: %s", path, strerror(errno));
	close(fd);
}

void
home_secret(const char *home, const char *name, char ret[HOME_SECRET_SIZE])
{
	char path[PATH_SIZE], text[HOME_SECRET_SIZE] = "";

	snprintf(path, sizeof(path), "%s/%s", home, name);
	FILE *f = fopen(path, "re");
	if (!f) {
		make_secret(path, ret);
		return;
	}
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	struct str s = str_trim((struct str){text, n});
	if (s.n == 0)
		die("%s: empty; remove it and a new one is made", path);
	memcpy(ret, s.p, s.n);
	ret[s.n] = '\0';
}

bool
home_redis(const struct settings *s, char ret_url[HOME_URL_SIZE])
{
	char url[HOME_URL_SIZE];

	snprintf(url, sizeof(url), "unix://%s/" HOME_REDIS, s->data_dir);
	if (access(url + strlen("unix://"), F_OK) < 0)
		return false;
	snprintf(ret_url, HOME_URL_SIZE, "%s", url);
	return true;
}

static void
add_demo(struct store *store, struct arena *a)
{
	const struct str names[] = {STR("name"), STR("rules"), STR("default_text")};
	const struct str values[] = {STR("Demo"),
		STR("[{\"match\":\"hours\",\"reply\":\"We are open from 9 to 17, "
		    "Sunday to Thursday.\"}]"),
		STR("Thank you for your message. This is the demo of prosaas.")};
	struct store_tenant_put put = {.op.arena = a,
		.id = STR("1"),
		.create = true,
		.names = names,
		.values = values,
		.count = ARRAY_LEN(names)};

	store_tenant_put(store, &put, NULL);
	if (store_run(store, &put.op) < 0)
		die("demo tenant: %s", put.op.words);
	log_info("added the demo tenant 1");
}

void
home_database(const struct settings *s)
{
	struct arena a;
	int from, to;
	char err[256];

	arena_init(&a);
	const char *url = store_url(s, &a);
	if (store_migrate(url, &from, &to, err) < 0)
		die("%s", err);
	struct store *store = store_open(NULL, url, err);
	if (!store)
		die("%s", err);
	struct store_tenant_list list = {.op.arena = &a};
	store_tenant_list(store, &list, NULL);
	if (store_run(store, &list.op) < 0)
		die("%s", list.op.words);
	if (list.count == 0)
		add_demo(store, &a);
	store_close(store);
	arena_done(&a);
}
