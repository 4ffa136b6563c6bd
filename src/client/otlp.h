/* SPDX-License-Identifier: MIT */
/* otlp.h: spans for a collector, by OTLP/HTTP with JSON.
 *
 *   otlp_add ---> a batch, each second or when it is full ---> POST
 * {endpoint}/v1/traces
 *
 * Nobody waits for it, and nothing depends on it: one batch is out at a time, what the
 * collector does not take is dropped, and so is what comes while OTLP_PENDING_MAX bytes
 * wait; both are counted. */
#ifndef CLIENT_OTLP_H
#define CLIENT_OTLP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct http_client;
struct loop;
struct otlp;
struct settings;

enum {
	OTLP_PENDING_MAX = 1 << 20,
	/* SpanKind of OTLP: */
	OTLP_INTERNAL = 1,
	OTLP_CLIENT = 3,
	OTLP_CONSUMER = 5,
};

struct otlp_span {
	struct str trace;        /* codec/trace.h */
	const char *id, *parent; /* 16 hex digits; parent may be NULL */
	const char *name;
	int kind;
	int64_t start_us, end_us; /* wall */
	const char *error;        /* why it failed; NULL: it did not */
	struct str tenant, job_id;
	int64_t attempt;
};

/* otlp_new: NULL while OTEL_EXPORTER_OTLP_ENDPOINT is unset; each function below takes
 * that for one that does nothing. */
struct otlp *
otlp_new(struct loop *l, struct http_client *http, const struct settings *s);

void otlp_add(struct otlp *o, const struct otlp_span *span);

/* otlp_quit sends what waits, now.  otlp_idle: nothing waits and nothing is out. */
void otlp_quit(struct otlp *o);
bool otlp_idle(const struct otlp *o);

#endif
