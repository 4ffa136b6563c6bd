/* SPDX-License-Identifier: MIT */
/* fake_gateway.h: a stand-in for the Baileys gateway, so that the whole system can
 * be tried without a phone.  Listens on 127.0.0.1 only:
 *
 *   POST /send        what client/gateway.c posts; a repeated idempotencyKey gets
 *                     the first answer
 *   GET  /sent        the last 100 as a JSON list, newest last
 *   GET  /healthz     {"ok":true,"idempotency":"durable"}
 *   POST /sendTyping  {"ok":true}; a line at LOG_LEVEL=debug */
#ifndef ROLE_FAKE_GATEWAY_H
#define ROLE_FAKE_GATEWAY_H

struct settings;

/* fake_gateway_run serves on FAKE_GATEWAY_PORT until SIGTERM or SIGINT; returns the
 * exit status. */
int fake_gateway_run(const struct settings *s);

#endif
