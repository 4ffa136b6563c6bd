/* SPDX-License-Identifier: MIT */
/* cli_progress.c: how far long work is. */
#include "cli_progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

enum { FIRST_MS = 500, EVERY_MS = 100, BAR = 24 };

static int64_t began_ms, drawn_ms; /* 0: not yet */

static void
draw(const char *what, int64_t at, int64_t total)
{
	char bar[BAR + 1];

	if (total <= 0) {
		fprintf(stderr, "\r\033[K%s %lld", what, (long long)at);
		return;
	}
	if (at > total)
		at = total;
	for (int i = 0; i < BAR; i++)
		bar[i] = at * BAR > (int64_t)i * total ? '#' : ' ';
	bar[BAR] = '\0';
	fprintf(stderr, "\r\033[K%s [%s] %lld %% %lld of %lld", what, bar,
		(long long)(at * 100 / total), (long long)at, (long long)total);
}

void
cli_progress(const char *what, int64_t at, int64_t total)
{
	int64_t now_ms = clock_mono_ms();

	if (!isatty(STDERR_FILENO))
		return;
	if (!began_ms)
		began_ms = now_ms;
	if (now_ms - began_ms < FIRST_MS || now_ms - drawn_ms < EVERY_MS)
		return;
	drawn_ms = now_ms;
	draw(what, at, total);
}

void
cli_progress_end(void)
{
	if (drawn_ms)
		fputs("\r\033[K", stderr);
	began_ms = drawn_ms = 0;
}
