/* SPDX-License-Identifier: MIT */
/* cli_bench.h: prosaas bench: real webhooks at a rate, and how long each took. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

struct settings;

int cli_bench(const struct settings *s, int argc, char **argv);

#endif
