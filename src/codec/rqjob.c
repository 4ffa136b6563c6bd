/* SPDX-License-Identifier: MIT */
/* rqjob.c: the job data of RQ. */
#include "codec/rqjob.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <zlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"
#include "codec/pickle.h"
#include "codec/val.h"

enum { NODES_MAX = 1000000 };

/* The original's business_id: a number, when the tenant has one. */
static bool
business_id(struct str tenant, int64_t *ret)
{
	return tenant.n < 18 && str_int(tenant, ret) == 0 && *ret >= 0;
}

static int
webhook_pickle(struct buf *out, struct str func, struct str tenant, struct str message)
{
	int64_t number;

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
	int bad = pickle_json(out, message);
	pickle_list_close(out);
	pickle_text(out, STR("business_id"));
	if (business_id(tenant, &number))
		pickle_int(out, number);
	else
		pickle_null(out);
	pickle_dict_close(out);
	pickle_tuple_close(out);
	pickle_end(out);
	return bad;
}

static int
webhook_json(struct buf *out, struct str func, struct str tenant, struct str message)
{
	int64_t number;

	buf_addc(out, '[');
	json_quote(out, func);
	buf_addz(out, ", null, [], {\"tenant_id\": ");
	json_quote(out, tenant);
	buf_addz(out, ", \"messages\": [");
	buf_adds(out, message);
	buf_addz(out, "], \"business_id\": ");
	if (business_id(tenant, &number))
		buf_addf(out, "%lld", (long long)number);
	else
		buf_addz(out, "null");
	buf_addz(out, "}]");
	return 0;
}

int
rqjob_webhook(struct buf *out, bool as_json, struct str func, struct str tenant,
	struct str message)
{
	size_t before = buf_len(out);
	int bad = as_json ? webhook_json(out, func, tenant, message)
			  : webhook_pickle(out, func, tenant, message);

	if (bad < 0)
		buf_truncate(out, before);
	return bad;
}

/* Both forms of a zlib stream's first two bytes; no pickle or JSON begins so. */
static bool
is_zlib(struct str data)
{
	const unsigned char *b = (const unsigned char *)data.p;

	return data.n > 2 && b[0] == 0x78 && (b[0] * 256 + b[1]) % 31 == 0;
}

static int
inflate_data(struct arena *a, struct str data, struct str *ret, char err[128])
{
	struct buf out;
	z_stream z = {
		.next_in = (Bytef *)data.p, .avail_in = (uInt)data.n}; /* only read */
	int rc = inflateInit(&z);
	int bad = 0;

	buf_init(&out);
	while (rc == Z_OK && buf_len(&out) <= RQJOB_DATA_MAX) {
		z.next_out = (Bytef *)buf_room(&out, 1 << 16);
		z.avail_out = 1 << 16;
		rc = inflate(&z, Z_NO_FLUSH);
		buf_grew(&out, (1 << 16) - z.avail_out);
	}
	if (buf_len(&out) > RQJOB_DATA_MAX) {
		snprintf(err, 128, "inflates to more than %d bytes", RQJOB_DATA_MAX);
		bad = ERR_LIMIT;
	} else if (rc != Z_STREAM_END) {
		snprintf(err, 128, "zlib: %s", z.msg ? z.msg : "cut short");
		bad = ERR_SYNTAX;
	} else {
		*ret = arena_str(a, buf_str(&out));
	}
	inflateEnd(&z);
	buf_done(&out);
	return bad;
}

static int
parse_value(struct arena *a, struct str data, struct val **ret, bool *ret_json,
	char err[128])
{
	unsigned char first = data.n ? (unsigned char)data.p[0] : 0;

	*ret_json = first != 0x80;
	if (first == 0x80)
		return pickle_parse(a, data, ret, err);
	if (first == '[' || first == ' ')
		return json_parse(a, data, NODES_MAX, ret, err);
	snprintf(err, 128, "data is neither pickle nor JSON");
	return ERR_SYNTAX;
}

int
rqjob_parse(struct arena *a, struct str data, struct rqjob_call *ret, char err[128])
{
	struct val *v = NULL;
	bool as_json;

	if (is_zlib(data)) {
		int bad = inflate_data(a, data, &data, err);
		if (bad < 0)
			return bad;
	}
	int bad = parse_value(a, data, &v, &as_json, err);
	if (bad < 0)
		return bad;

	const struct val *instance = val_at(v, 1), *args = val_at(v, 2),
			 *kwargs = val_at(v, 3);
	if (v->kind != VAL_LIST || v->count != 4 || !val_text(val_at(v, 0)).p ||
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

	buf_init(&packed);
	compress((Bytef *)buf_room(&packed, packed_n), &packed_n, (const Bytef *)text.p,
		(uLong)text.n);
	char *to = buf_room(out, (packed_n + 2) / 3 * 4 + 1);
	buf_grew(out, (size_t)EVP_EncodeBlock((unsigned char *)to,
			      (unsigned char *)packed.data, (int)packed_n));
	buf_done(&packed);
}

void
rqjob_base64(struct buf *out, struct str bytes)
{
	char *to = buf_room(out, (bytes.n + 2) / 3 * 4 + 1);

	buf_grew(out, (size_t)EVP_EncodeBlock((unsigned char *)to,
			      (const unsigned char *)bytes.p, (int)bytes.n));
}
