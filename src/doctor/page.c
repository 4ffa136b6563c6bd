/* SPDX-License-Identifier: MIT */
/* page.c: a page of a server, for checks. */
#include "doctor/page.h"

#include "client/api.h"

enum { PAGE_MS = 3000 };

bool
page_get(struct doctor *d, struct ask_page *page, const char *url, const char *header)
{
	const char *headers[] = {header, NULL};

	*page = (struct ask_page){
		.method = "GET", .url = url, .headers = headers, .timeout_ms = PAGE_MS};
	bool fine = ask_http(&d->ask, page);
	page->headers = NULL;
	return fine;
}

const char *
page_url(struct doctor *d, const char *base, const char *path)
{
	return api_url(&d->arena, str_of(base), path);
}

const char *
page_secret(struct doctor *d)
{
	const char *secret = d->s->internal_secret;

	return secret ? api_header(&d->arena, "X-Internal-Secret: ", secret) : NULL;
}
