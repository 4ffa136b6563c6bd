/* SPDX-License-Identifier: MIT */
/* home.h: what `all` keeps in DATA_DIR, made when missing. */
#ifndef ROLE_HOME_H
#define ROLE_HOME_H

struct settings;

/* home_open makes DATA_DIR (0700) and locks it, so that no second `all` runs on it;
 * dies with words.  Returns its absolute path, for ever. */
const char *home_open(const struct settings *s);

enum { HOME_SECRET_SIZE = 256 };

/* home_secret reads the text of a file in it (0600); 32 random hex digits, kept
 * there, when there is no such file yet.  Dies with words. */
void home_secret(const char *home, const char *name, char ret[HOME_SECRET_SIZE]);

/* home_database migrates, and adds the demo tenant 1 to an empty database. */
void home_database(const struct settings *s);

#endif
