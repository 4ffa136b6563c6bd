/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/defs.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "client/otlp.h"
#include "net/http_client.h"
#include "net/loop.h"

static struct loop loop;
static struct settings settings;

static struct otlp *
otlp(void)
{
	settings.otel_endpoint = "http://127.0.0.1:1";
	settings.otel_service_name = "unit";
	loop_init(&loop);
	return otlp_new(&loop, http_client_new(&loop), &settings);
}

static void
add(struct otlp *o)
{
	otlp_add(
		o, &(struct otlp_span){.trace = STR("4bf92f3577b34da6a3ce929d0e0e4736"),
			   .id = "00f067aa0ba902b7",
			   .name = "send",
			   .kind = OTLP_CLIENT,
			   .start_us = 1,
			   .end_us = 2,
			   .tenant = STR("1"),
			   .job_id = STR("J")});
}

TEST(what_waits_for_a_collector_is_bounded_and_the_rest_is_counted)
{
	struct otlp *o = otlp();
	int64_t dropped = metric_get(M_SPANS_DROPPED);
	int added = 20000; /* of more than 200 bytes: 4 MB */

	for (int i = 0; i < added; i++) /* the loop does not run: no answer comes */
		add(o);
	dropped = metric_get(M_SPANS_DROPPED) - dropped;
	CHECK(!otlp_idle(o));
	CHECK(dropped > added / 2 && dropped < added);
}

TEST(without_an_endpoint_nothing_is_made)
{
	struct settings none = {0};

	CHECK(otlp_new(&loop, NULL, &none) == NULL);
	add(NULL);
	otlp_quit(NULL);
	CHECK(otlp_idle(NULL));
}

UNIT_MAIN
