/* SPDX-License-Identifier: MIT */
/* err.c: texts and classes of errors; allocation that does not fail. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text;
	enum err_class class;
} errors[] = {
#define ERR_ROW_(name, text, class) {text, CLASS_##class},
	ERR_MAP(ERR_ROW_)
#undef ERR_ROW_
};

static bool
is_own(int err)
{
	return err > ERR_FIRST_ && err < ERR_LAST_;
}

const char *
err_text(int err)
{
	if (err >= 0)
		return "no error";
	if (is_own(err))
		return errors[err - ERR_FIRST_ - 1].text;
	return strerror(-err);
}

enum err_class
err_class(int err)
{
	if (is_own(err))
		return errors[err - ERR_FIRST_ - 1].class;

	switch (-err) {
	case EINVAL:
	case ENOENT:
	case EACCES:
	case EPERM:
	case ENAMETOOLONG:
		return CLASS_PERMANENT;
	default:
		return err < 0 ? CLASS_TRANSIENT : CLASS_PERMANENT;
	}
}

bool
err_transient(int err)
{
	return err_class(err) != CLASS_PERMANENT;
}

void
die(const char *fmt, ...)
{
	va_list ap;

	fputs("prosaas: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void *
xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		die("out of memory");
	return p;
}

void *
xcalloc(size_t count, size_t n)
{
	void *p = calloc(count ? count : 1, n ? n : 1);

	if (!p)
		die("out of memory");
	return p;
}

void *
xrealloc(void *old, size_t n)
{
	void *p = realloc(old, n ? n : 1);

	if (!p)
		die("out of memory");
	return p;
}

char *
xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(xmalloc(n), s, n);
}
