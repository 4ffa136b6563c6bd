/* SPDX-License-Identifier: MIT */
/* page.h: a page of a server, for checks. */
#ifndef DOCTOR_PAGE_H
#define DOCTOR_PAGE_H

#include "doctor/doctor.h"

/* page_get asks for it, header may be NULL; as ask_http. */
bool
page_get(struct doctor *d, struct ask_page *page, const char *url, const char *header);

/* page_url joins a base, with or without trailing slash, and a path that has one. */
const char *page_url(struct doctor *d, const char *base, const char *path);

/* page_secret is the header with INTERNAL_SECRET, NULL when that is not set. */
const char *page_secret(struct doctor *d);

#endif
