/* SPDX-License-Identifier: MIT */
/* arena.c: a list of chunks, each twice as large as the last up to a bound. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

enum {
	CHUNK_FIRST = 2048, /* holds a usual webhook message with its ids */
	CHUNK_MAX = 1 << 16
};

struct arena_chunk {
	struct arena_chunk *prev;
	size_t size;
	alignas(max_align_t) char data[];
};

void
arena_init(struct arena *a)
{
	*a = (struct arena){0};
}

static void
drop_chunks(struct arena *a, struct arena_chunk *until)
{
	while (a->chunk != until) {
		struct arena_chunk *prev = a->chunk->prev;

		free(a->chunk);
		a->chunk = prev;
	}
}

void
arena_done(struct arena *a)
{
	drop_chunks(a, NULL);
	a->used = 0;
}

void
arena_clear(struct arena *a)
{
	struct arena_chunk *first = a->chunk;

	while (first && first->prev)
		first = first->prev;
	drop_chunks(a, first);
	a->used = 0;
}

static void
add_chunk(struct arena *a, size_t need)
{
	size_t size = a->chunk ? a->chunk->size * 2 : CHUNK_FIRST;

	if (size > CHUNK_MAX)
		size = CHUNK_MAX;
	if (size < need)
		size = need;

	struct arena_chunk *c = xmalloc(sizeof(*c) + size);
	c->prev = a->chunk;
	c->size = size;
	a->chunk = c;
	a->used = 0;
}

void *
arena_alloc(struct arena *a, size_t n)
{
	size_t align = alignof(max_align_t);

	n = (n + align - 1) & ~(align - 1);
	if (!a->chunk || a->chunk->size - a->used < n)
		add_chunk(a, n);

	void *p = a->chunk->data + a->used;
	a->used += n;
	return p;
}

void *
arena_zalloc(struct arena *a, size_t n)
{
	return memset(arena_alloc(a, n), 0, n);
}

struct str
arena_str(struct arena *a, struct str s)
{
	return (struct str){arena_z(a, s), s.n};
}

char *
arena_z(struct arena *a, struct str s)
{
	if (!s.p)
		return NULL;

	char *p = arena_alloc(a, s.n + 1);
	memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

struct str
arena_join(struct arena *a, const struct str *parts, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		n += parts[i].n;
	char *p = arena_alloc(a, n + 1), *at = p;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].n)
			memcpy(at, parts[i].p, parts[i].n);
		at += parts[i].n;
	}
	*at = '\0';
	return (struct str){p, n};
}

struct str
arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);

	char *p = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return (struct str){p, (size_t)n};
}
