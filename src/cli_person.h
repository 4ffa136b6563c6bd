/* SPDX-License-Identifier: MIT */
/* cli_person.h: prosaas person, prosaas audit: data about people, by hand. */
#ifndef CLI_PERSON_H
#define CLI_PERSON_H

struct settings;

/* Both return the exit status. */
int cli_person(const struct settings *s, int argc, char **argv);
int cli_audit(const struct settings *s, int argc, char **argv);

#endif
