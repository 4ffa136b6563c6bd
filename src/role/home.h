/* SPDX-License-Identifier: MIT */
/* home.h: what `all` keeps in DATA_DIR, made when missing. */
#ifndef ROLE_HOME_H
#define ROLE_HOME_H

#include <stdbool.h>

struct settings;

/* Names in it: the socket of its Redis, the webhooks' secret. */
#define HOME_REDIS  "redis.sock"
#define HOME_SECRET "internal_secret"

enum { HOME_SECRET_SIZE = 256, HOME_URL_SIZE = 4200 };

/* home_open makes DATA_DIR (0700) and locks it, so that no second `all` runs on it;
 * dies with words.  Returns its absolute path, for ever. */
const char *home_open(const struct settings *s);

/* home_secret reads the text of a file in it (0600); 32 random hex digits, kept
 * there, when there is no such file yet.  Dies with words. */
void home_secret(const char *home, const char *name, char ret[HOME_SECRET_SIZE]);

/* home_database migrates, and adds the demo tenant 1 to an empty database. */
void home_database(const struct settings *s);

/* home_redis is for who comes from outside: the URL of the Redis of the `all` that runs
 * on DATA_DIR; false when none does. */
bool home_redis(const struct settings *s, char ret_url[HOME_URL_SIZE]);

#endif
