/* SPDX-License-Identifier: MIT */
/* rqjob.c: the job data of RQ. */
#include "codec/rqjob.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/pickle.h"
#include "codec/tenant.h"
#include "codec/val.h"

enum { EXC_MAX = 1 << 20 };

static_assert((int)RQJOB_VALUES_MAX == (int)PICKLE_NODES_MAX, "one limit");

/* The original's business_id: int() of a tenant id that is a number, which may be
 * of any size but has no leading zeros as JSON; absent for other tenants. */
static struct str
business_id(struct str tenant)
{
	if (!str_is_number(tenant))
		return (struct str){NULL, 0};
	while (tenant.n > 1 && tenant.p[0] == '0')
		tenant = (struct str){tenant.p + 1, tenant.n - 1};
	return tenant;
}

static int
webhook_pickle(struct buf *out, struct str func, struct str tenant, struct str message)
{
	struct str business = business_id(tenant);

	pickle_begin(out);
	pickle_tuple_open(out);
	pickle_text(out, func);
	pickle_null(out);
	pickle_tuple_empty(out);
	pickle_dict_open(out);
	pickle_text(out, STR("tenant_id"));
	pickle_text(out, tenant);
	pickle_text(out, STR("messages"));
	pickle_list_open(out);
	int bad = pickle_json(out, message, RQJOB_MESSAGE_VALUES_MAX);
	pickle_list_close(out);
	pickle_text(out, STR("business_id"));
	if (!business.p)
		pickle_null(out);
	else if (bad == 0)
		bad = pickle_json(out, business, 1);
	pickle_dict_close(out);
	pickle_tuple_close(out);
	pickle_end(out);
	return bad;
}

/* check_message makes sure that text is one value, so that it can stand as it is
 * where one belongs, and within the limits of whoever reads it there. */
static int
check_message(struct str text)
{
	struct json j;
	char err[128];

	json_init(&j, text);
	j.depth = RQJOB_FRAME_DEPTH;
	j.values_left = RQJOB_MESSAGE_VALUES_MAX;
	json_skip(&j);
	return json_end(&j, err);
}

static int
webhook_json(struct buf *out, struct str func, struct str tenant, struct str message)
{
	struct str business = business_id(tenant);

	int bad = check_message(message);
	if (bad < 0)
		return bad;
	buf_addc(out, '[');
	json_quote(out, func);
	buf_addz(out, ", null, [], {\"tenant_id\": ");
	json_quote(out, tenant);
	buf_addz(out, ", \"messages\": [");
	buf_adds(out, message);
	buf_addz(out, "], \"business_id\": ");
	buf_adds(out, business.p ? business : STR("null"));
	buf_addz(out, "}]");
	return 0;
}

int
rqjob_webhook(struct buf *out, bool as_json, struct str func, struct str tenant,
	struct str message)
{
	size_t before = buf_len(out);

	assert(func.n > 0 && tenant_is_id(tenant));
	int bad = as_json ? webhook_json(out, func, tenant, message)
			  : webhook_pickle(out, func, tenant, message);
	if (bad == 0 && buf_len(out) - before > RQJOB_DATA_MAX)
		bad = ERR_LIMIT;
	if (bad < 0)
		buf_truncate(out, before);
	return bad;
}

void
rqjob_write(struct buf *out, bool as_json, struct str func, const struct val *kwargs)
{
	if (as_json) {
		buf_addc(out, '[');
		json_quote(out, func);
		buf_addz(out, ", null, [], ");
		val_json(out, kwargs);
		buf_addc(out, ']');
		return;
	}
	pickle_begin(out);
	pickle_tuple_open(out);
	pickle_text(out, func);
	pickle_null(out);
	pickle_tuple_empty(out);
	pickle_val(out, kwargs);
	pickle_tuple_close(out);
	pickle_end(out);
}

/* Both forms of a zlib stream's first two bytes; no pickle or JSON begins so. */
static bool
is_zlib(struct str data)
{
	const unsigned char *b = (const unsigned char *)data.p;

	return data.n > 2 && b[0] == 0x78 && (b[0] * 256 + b[1]) % 31 == 0;
}

/* What is longer than a uInt can say is cut off, and then found to go on. */
static int
inflate_to(struct buf *out, struct str data, char err[128])
{
	z_stream z = {
		.next_in = (Bytef *)data.p, .avail_in = (uInt)data.n}; /* only read */
	int rc = inflateInit(&z);
	int bad = 0;

	while (rc == Z_OK && buf_len(out) <= RQJOB_DATA_MAX) {
		z.next_out = (Bytef *)buf_room(out, 1 << 16);
		z.avail_out = 1 << 16;
		rc = inflate(&z, Z_NO_FLUSH);
		buf_grew(out, (1 << 16) - z.avail_out);
	}
	if (buf_len(out) > RQJOB_DATA_MAX) {
		snprintf(err, 128, "inflates to more than %d bytes", RQJOB_DATA_MAX);
		bad = ERR_LIMIT;
	} else if (rc != Z_STREAM_END) {
		snprintf(err, 128, "zlib: %s", z.msg ? z.msg : "cut short");
		bad = ERR_SYNTAX;
	} else if ((const char *)z.next_in != data.p + data.n) {
		snprintf(err, 128, "zlib: more after the end");
		bad = ERR_SYNTAX;
	}
	inflateEnd(&z);
	return bad;
}

/* plain_data takes zlib off, where it is, and bounds what is left. */
static int
plain_data(struct arena *a, struct str data, struct str *ret, char err[128])
{
	if (is_zlib(data)) {
		struct buf out;

		buf_init(&out);
		int bad = inflate_to(&out, data, err);
		if (bad == 0)
			*ret = arena_str(a, buf_str(&out));
		buf_done(&out);
		return bad;
	}
	if (data.n > RQJOB_DATA_MAX) {
		snprintf(err, 128, "data is more than %d bytes", RQJOB_DATA_MAX);
		return ERR_LIMIT;
	}
	*ret = data;
	return 0;
}

static bool
is_json(struct str data)
{
	size_t i = 0;

	while (i < data.n && memchr(" \t\r\n", data.p[i], 4))
		i++;
	return i < data.n && data.p[i] == '[';
}

static int
parse_value(struct arena *a, struct str data, struct val **ret, bool *ret_json,
	char err[128])
{
	*ret_json = is_json(data);
	if (*ret_json)
		return json_parse(a, data, RQJOB_VALUES_MAX, ret, err);
	if (data.n > 0 && (unsigned char)data.p[0] == 0x80)
		return pickle_parse(a, data, ret, err);
	snprintf(err, 128, "data is neither pickle nor JSON");
	return ERR_SYNTAX;
}

int
rqjob_parse(struct arena *a, struct str data, struct rqjob_call *ret, char err[128])
{
	struct val *v = NULL;
	bool as_json;

	int bad = plain_data(a, data, &data, err);
	if (bad < 0)
		return bad;
	bad = parse_value(a, data, &v, &as_json, err);
	if (bad < 0)
		return bad;

	const struct val *instance = val_at(v, 1), *args = val_at(v, 2),
			 *kwargs = val_at(v, 3);
	if (v->kind != VAL_LIST || v->count != 4 || val_text(val_at(v, 0)).n == 0 ||
		args->kind != VAL_LIST || kwargs->kind != VAL_DICT) {
		snprintf(err, 128, "data is not (function, None, args, kwargs)");
		return ERR_SHAPE;
	}
	if (instance->kind != VAL_NULL) {
		snprintf(err, 128, "data calls a method of an object");
		return ERR_SHAPE;
	}
	*ret = (struct rqjob_call){val_text(val_at(v, 0)), args, kwargs, as_json};
	return 0;
}

void
rqjob_value(struct buf *out, bool as_json, const struct val *v)
{
	if (as_json) {
		val_json(out, v);
		return;
	}
	pickle_begin(out);
	pickle_val(out, v);
	pickle_end(out);
}

/* Reads exactly count digits. */
static bool
read_digits(struct str *s, size_t count, int *ret)
{
	*ret = 0;
	if (s->n < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		*ret = *ret * 10 + (s->p[i] - '0');
	}
	s->p += count;
	s->n -= count;
	return true;
}

static bool
read_char(struct str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	s->p++;
	s->n--;
	return true;
}

/* Days from 1970-01-01 of a date of the proleptic Gregorian calendar, counted in
 * years that begin in March so that a leap day comes last. */
static int64_t
days_since_epoch(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t march_month = (month + 9) % 12;
	int64_t days = 365 * y + y / 4 - y / 100 + y / 400;

	return days + (153 * march_month + 2) / 5 + day - 1 - 719468;
}

/* is_day says whether the calendar has that day.  Python has no year 0. */
static bool
is_day(int year, int month, int day)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	if (year < 1 || month < 1 || month > 12 || day < 1)
		return false;
	return day <= days[month - 1] && (leap || month != 2 || day < 29);
}

const struct val *
rqjob_arg(const struct rqjob_call *call, const char *name, size_t at)
{
	const struct val *v = val_get(call->kwargs, name);

	return v ? v : val_at(call->args, at);
}

struct str
rqjob_tenant(struct arena *a, const struct rqjob_call *call)
{
	const struct val *v = rqjob_arg(call, "tenant_id", 0);
	struct str tenant = val_text(v);
	int64_t number = val_int(v, -1);

	if (!tenant.p && number >= 0)
		tenant = arena_printf(a, "%lld", (long long)number);
	return tenant_id(tenant);
}

int
rqjob_date(struct str s, int64_t *ret_us)
{
	int year, month, day, hour, minute, second, digit, us = 0, scale = 100000;

	if (!read_digits(&s, 4, &year) || !read_char(&s, '-') ||
		!read_digits(&s, 2, &month) || !read_char(&s, '-') ||
		!read_digits(&s, 2, &day) || !read_char(&s, 'T') ||
		!read_digits(&s, 2, &hour) || !read_char(&s, ':') ||
		!read_digits(&s, 2, &minute) || !read_char(&s, ':') ||
		!read_digits(&s, 2, &second))
		return ERR_SYNTAX;
	if (!is_day(year, month, day) || hour > 23 || minute > 59 || second > 59)
		return ERR_SYNTAX;
	if (read_char(&s, '.')) {
		if (!read_digits(&s, 1, &digit))
			return ERR_SYNTAX;
		do {
			us += digit * scale;
			scale /= 10;
		} while (scale > 0 && read_digits(&s, 1, &digit));
	}
	if (!read_char(&s, 'Z') || s.n != 0)
		return ERR_SYNTAX;

	int64_t seconds = days_since_epoch(year, month, day) * 86400 + hour * 3600 +
			  minute * 60 + second;
	*ret_us = seconds * 1000000 + us;
	return 0;
}

void
rqjob_exc(struct buf *out, struct str text)
{
	uLongf packed_n = compressBound((uLong)text.n);
	struct buf packed;

	assert(text.n <= EXC_MAX);
	buf_init(&packed);
	if (compress((Bytef *)buf_room(&packed, packed_n), &packed_n,
		    (const Bytef *)text.p, (uLong)text.n) != Z_OK)
		die("zlib: out of memory"); /* with this room nothing else can fail */
	char *to = buf_room(out, (packed_n + 2) / 3 * 4 + 1);
	buf_grew(out, (size_t)EVP_EncodeBlock((unsigned char *)to,
			      (unsigned char *)packed.data, (int)packed_n));
	buf_done(&packed);
}

int
rqjob_exc_text(struct arena *a, struct str exc, struct str *ret)
{
	unsigned char *packed = arena_alloc(a, exc.n / 4 * 3 + 1);
	int n = exc.n % 4 == 0 && exc.n <= INT_MAX
			? EVP_DecodeBlock(
				  packed, (const unsigned char *)exc.p, (int)exc.n)
			: -1;
	if (n < 0)
		return ERR_SYNTAX;

	char *text = arena_alloc(a, RQJOB_EXC_MAX);
	z_stream z = {.next_in = packed,
		.avail_in = (uInt)n,
		.next_out = (Bytef *)text,
		.avail_out = RQJOB_EXC_MAX};
	int rc = inflateInit(&z);
	if (rc == Z_OK)
		rc = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	if (rc != Z_STREAM_END && z.avail_out > 0) /* full: the rest is cut off */
		return ERR_SYNTAX;
	*ret = (struct str){text, RQJOB_EXC_MAX - z.avail_out};
	return 0;
}

void
rqjob_base64(struct buf *out, struct str bytes)
{
	char *to = buf_room(out, (bytes.n + 2) / 3 * 4 + 1);

	buf_grew(out, (size_t)EVP_EncodeBlock((unsigned char *)to,
			      (const unsigned char *)bytes.p, (int)bytes.n));
}
