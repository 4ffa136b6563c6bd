/* SPDX-License-Identifier: MIT */
/* env.h: opens what jobs work with: store, AI client, gateway client.  Dies with one
 * line when it can't. */
#ifndef ROLE_ENV_H
#define ROLE_ENV_H

struct job_env;
struct loop;
struct settings;

void env_open(struct job_env *env, struct loop *l, const struct settings *s);

#endif
