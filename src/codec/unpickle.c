/* SPDX-License-Identifier: MIT */
/* unpickle.c: reading pickle, as far as it is data.
 *
 * A pickle is a program for a stack machine.  The table `opcodes` says what is
 * run, how its argument is found, and what is refused; the op_ functions above it
 * are the instructions.
 *
 *   pickle_parse --> step --> fetch --> opcodes[].run --> ... --> op_stop
 *        |            ^                                   |
 *        v            +-----------------------------------+
 *      settle
 *
 * Containers are put into the memo while empty and filled later, so a memo entry
 * is a reference and the result may be any graph, with cycles and with forty
 * doublings of [x,x] in 200 bytes.  settle() walks it once, refuses cycles and
 * depth, and adds up what it would be as a tree.
 *
 * Memory is a small multiple of the input: lengths are checked against the bytes
 * that are there before anything is copied, and nodes, stack and memo have limits. */
#include "codec/pickle.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/bigint.h"
#include "base/utf8.h"
#include "codec/val.h"

static_assert((int)PICKLE_INT_BYTES_MAX == (int)BIGINT_BYTES_MAX, "one limit");

/* What Python made it, where val.h has one kind for several.  FIXED: nothing can
 * be added to it, as to tuples, frozen sets and scalars. */
enum made { MADE_FIXED, MADE_LIST, MADE_SET, MADE_DICT };

enum settled { UNSETTLED, SETTLING, SETTLED };

struct node {
	struct val val; /* items of containers are the val of other nodes */
	/* Once settled, these count all below too, what is shared each time: */
	size_t text;    /* bytes of text */
	uint32_t nodes; /* values */
	uint32_t room;  /* for so many items, keys and values counted apart */
	uint8_t height; /* containers on the longest way down, itself included */
	uint8_t made, settled;
};

/* References that grow: the stack and the memo. */
struct pile {
	struct node **at;
	size_t n, size;
};

struct machine {
	struct arena *arena;
	struct str left;         /* of the input */
	size_t input;            /* its length */
	const struct opcode *op; /* the one being run */
	struct str arg;          /* its argument */
	bool stopped;
	int fault; /* the first error; the machine stops then */
	char *err;

	struct pile stack, memo;
	size_t memo_count;              /* entries of memo that are set */
	size_t marks[PICKLE_DEPTH_MAX]; /* stack heights; nesting needs one a level */
	size_t marks_n;
	size_t made;                  /* nodes */
	struct node *none, *yes, *no; /* constants: made once */
};

struct opcode {
	const char *name;
	void (*run)(struct machine *); /* NULL: asks to run code */
	uint8_t size;                  /* bytes of the argument */
	bool counted;  /* the argument is a length, and that many bytes follow */
	uint8_t takes; /* values from the stack, where that depends */
	uint8_t made;  /* the container it makes or fills */
};

PRINTF(3, 4)
static void
fail(struct machine *m, int code, const char *fmt, ...)
{
	va_list ap;

	if (m->fault < 0)
		return;
	m->fault = code;
	va_start(ap, fmt);
	vsnprintf(m->err, 128, fmt, ap);
	va_end(ap);
}

static void
fail_op(struct machine *m, int code, const char *what)
{
	fail(m, code, "%s: %s", m->op->name, what);
}

/* --- stack ---------------------------------------------------------------- */

static void
pile_add(struct pile *p, struct node *v)
{
	if (p->n == p->size) {
		p->size = p->size ? 2 * p->size : 64;
		p->at = xrealloc(p->at, p->size * sizeof(struct node *));
	}
	p->at[p->n++] = v;
}

static void
push(struct machine *m, struct node *v)
{
	if (m->stack.n == PICKLE_NODES_MAX)
		fail_op(m, ERR_LIMIT, "too many values");
	else
		pile_add(&m->stack, v);
}

/* above_mark returns how many values stand above the last mark: no instruction
 * but the ones that take a mark reaches below it. */
static size_t
above_mark(const struct machine *m)
{
	return m->stack.n - (m->marks_n ? m->marks[m->marks_n - 1] : 0);
}

static bool
have(struct machine *m, size_t n)
{
	if (above_mark(m) < n)
		fail_op(m, ERR_SYNTAX, "stack is empty");
	return m->fault == 0;
}

static bool
take_mark(struct machine *m, size_t *ret_height)
{
	if (m->marks_n == 0) {
		fail_op(m, ERR_SYNTAX, "no mark");
		return false;
	}
	*ret_height = m->marks[--m->marks_n];
	return true;
}

static struct node *
top(const struct machine *m)
{
	return m->stack.at[m->stack.n - 1];
}

/* make never returns NULL: past the limit this node is the last. */
static struct node *
make(struct machine *m, enum val_kind kind)
{
	struct node *v = ARENA_NEW(m->arena, struct node);

	if (m->made++ == PICKLE_NODES_MAX)
		fail_op(m, ERR_LIMIT, "too many values");
	v->val.kind = kind;
	v->nodes = 1;
	v->height = kind == VAL_LIST || kind == VAL_DICT;
	return v;
}

static struct node *
push_new(struct machine *m, enum val_kind kind)
{
	struct node *v = make(m, kind);

	push(m, v);
	return v;
}

/* --- scalars -------------------------------------------------------------- */

/* push_constant pushes what is the same each time. */
static void
push_constant(struct machine *m, struct node **v, enum val_kind kind)
{
	if (!*v)
		*v = make(m, kind);
	push(m, *v);
}

static void
op_none(struct machine *m)
{
	push_constant(m, &m->none, VAL_NULL);
}

static void
op_true(struct machine *m)
{
	push_constant(m, &m->yes, VAL_BOOL);
	m->yes->val.truth = true;
}

static void
op_false(struct machine *m)
{
	push_constant(m, &m->no, VAL_BOOL);
}

/* le reads up to 8 bytes, little endian. */
static uint64_t
le(struct str bytes)
{
	uint64_t v = 0;

	for (size_t i = bytes.n; i-- > 0;)
		v = v << 8 | (uint8_t)bytes.p[i];
	return v;
}

static void
op_unsigned(struct machine *m)
{
	push_new(m, VAL_INT)->val.integer = (int64_t)le(m->arg);
}

/* op_signed reads two's complement of any length, not always the shortest. */
static void
op_signed(struct machine *m)
{
	char digits[BIGINT_DIGITS_SIZE];

	if (m->arg.n > PICKLE_INT_BYTES_MAX) {
		fail_op(m, ERR_LIMIT, "integer too large");
		return;
	}
	struct node *v = push_new(m, VAL_INT);
	struct str text = bigint_digits(m->arg, digits);
	if (str_int(text, &v->val.integer) < 0) {
		v->val.kind = VAL_BIG;
		v->val.text = arena_str(m->arena, text);
		v->text = text.n;
	}
}

static void
op_real(struct machine *m)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < 8; i++) /* big endian, as nothing else here */
		bits = bits << 8 | (uint8_t)m->arg.p[i];
	memcpy(&push_new(m, VAL_REAL)->val.real, &bits, 8);
}

static void
push_text(struct machine *m, struct str text)
{
	struct node *v = push_new(m, VAL_TEXT);

	v->val.text = text;
	v->text = text.n;
}

/* good_prefix returns how many bytes of s are characters; len_of is utf8_len, or
 * wtf8_len where lone surrogates are some. */
static size_t
good_prefix(struct str s, size_t len_of(const char *p, const char *end))
{
	const char *p = s.p, *end = s.p + s.n;

	while (p < end) {
		size_t n = len_of(p, end);

		if (n == 0)
			break;
		p += n;
	}
	return (size_t)(p - s.p);
}

static void
op_text(struct machine *m)
{
	if (good_prefix(m->arg, wtf8_len) < m->arg.n)
		fail_op(m, ERR_SYNTAX, "not UTF-8");
	else
		push_text(m, arena_str(m->arena, m->arg));
}

/* op_bytes makes text of bytes, which need not be any. */
static void
op_bytes(struct machine *m)
{
	struct str from = m->arg;
	size_t good = good_prefix(from, utf8_len);

	if (good == from.n) {
		push_text(m, arena_str(m->arena, from));
		return;
	}
	char *text = arena_alloc(m->arena, 3 * from.n), *to = text;
	for (;;) {
		memcpy(to, from.p, good);
		to += good;
		if (good == from.n)
			break;
		memcpy(to, "\xef\xbf\xbd", 3); /* U+FFFD for one bad byte */
		to += 3;
		from = (struct str){from.p + good + 1, from.n - good - 1};
		good = good_prefix(from, utf8_len);
	}
	push_text(m, (struct str){text, (size_t)(to - text)});
}

/* --- containers ----------------------------------------------------------- */

/* text_key turns a dict key into text, the way JSON writers do. */
static struct node *
text_key(struct machine *m, struct node *key)
{
	struct buf text;

	if (key->val.kind == VAL_TEXT)
		return key;
	if (key->height > 0) {
		fail_op(m, ERR_SYNTAX, "a dict key is not text");
		return key;
	}
	struct node *v = make(m, VAL_TEXT);
	buf_init(&text);
	val_json(&text, &key->val);
	v->val.text = arena_str(m->arena, buf_str(&text));
	v->text = v->val.text.n;
	buf_done(&text);
	return v;
}

static void
make_room(struct machine *m, struct node *c, size_t old, size_t need)
{
	if (need <= c->room)
		return;

	size_t room = need > 2 * c->room ? need : 2 * c->room;
	struct val **items = arena_alloc(m->arena, room * sizeof(struct val *));
	if (old > 0)
		memcpy(items, c->val.items, old * sizeof(struct val *));
	c->val.items = items;
	c->room = (uint32_t)room;
}

/* extend moves the values from stack height `from` into container c. */
static void
extend(struct machine *m, struct node *c, size_t from)
{
	bool dict = c->val.kind == VAL_DICT;
	size_t old = c->val.count * (dict ? 2 : 1), more = m->stack.n - from;

	if (dict && more % 2 != 0)
		fail_op(m, ERR_SYNTAX, "a key without value");
	else if (old + more > PICKLE_NODES_MAX)
		fail_op(m, ERR_LIMIT, "too many values");
	if (m->fault < 0)
		return;
	make_room(m, c, old, old + more);
	for (size_t i = 0; i < more; i++) {
		struct node *v = m->stack.at[from + i];

		if (dict && i % 2 == 0)
			v = text_key(m, v);
		c->val.items[old + i] = &v->val;
	}
	c->val.count = (old + more) / (dict ? 2 : 1);
	m->stack.n = from;
}

/* collect makes a container of the values from stack height `from`. */
static void
collect(struct machine *m, size_t from)
{
	struct node *c = make(m, m->op->made == MADE_DICT ? VAL_DICT : VAL_LIST);

	c->made = m->op->made;
	extend(m, c, from);
	push(m, c);
}

static void
op_collect(struct machine *m)
{
	if (have(m, m->op->takes))
		collect(m, m->stack.n - m->op->takes);
}

static void
op_collect_marked(struct machine *m)
{
	size_t from;

	if (take_mark(m, &from))
		collect(m, from);
}

/* fill adds the n values on top to the container below them. */
static void
fill(struct machine *m, size_t n)
{
	if (!have(m, n + 1))
		return;

	size_t from = m->stack.n - n;
	struct node *c = m->stack.at[from - 1];
	if (c->made == m->op->made)
		extend(m, c, from);
	else
		fail_op(m, ERR_SYNTAX, "not to this kind of value");
}

static void
op_fill(struct machine *m)
{
	fill(m, m->op->takes);
}

static void
op_fill_marked(struct machine *m)
{
	size_t from;

	if (take_mark(m, &from))
		fill(m, m->stack.n - from);
}

/* --- the machine itself --------------------------------------------------- */

static void
op_mark(struct machine *m)
{
	if (m->marks_n == ARRAY_LEN(m->marks))
		fail_op(m, ERR_LIMIT, "nested too deep");
	else
		m->marks[m->marks_n++] = m->stack.n;
}

static void
op_pop_mark(struct machine *m)
{
	size_t from;

	if (take_mark(m, &from))
		m->stack.n = from;
}

/* op_pop drops a value, or the mark when that is on top. */
static void
op_pop(struct machine *m)
{
	if (m->marks_n > 0 && above_mark(m) == 0)
		m->marks_n--;
	else if (have(m, 1))
		m->stack.n--;
}

static void
op_dup(struct machine *m)
{
	if (have(m, 1))
		push(m, top(m));
}

/* op_put remembers the top under the number given, or under the next one. */
static void
op_put(struct machine *m)
{
	size_t i = m->arg.n ? le(m->arg) : m->memo_count;

	if (!have(m, 1))
		return;
	if (i >= m->input) { /* Python counts from 0, and each costs a byte */
		fail_op(m, ERR_LIMIT, "memo index too large");
		return;
	}
	while (m->memo.n <= i)
		pile_add(&m->memo, NULL);
	if (!m->memo.at[i])
		m->memo_count++;
	m->memo.at[i] = top(m);
}

static void
op_get(struct machine *m)
{
	size_t i = le(m->arg);

	if (i >= m->memo.n || !m->memo.at[i])
		fail_op(m, ERR_SYNTAX, "nothing in the memo there");
	else
		push(m, m->memo.at[i]);
}

/* op_frame does no more than Python does with a whole text: a frame, made for
 * readers of streams, must be there. */
static void
op_frame(struct machine *m)
{
	if (le(m->arg) > m->left.n)
		fail_op(m, ERR_SYNTAX, "ends too early");
}

static void
op_stop(struct machine *m)
{
	if (m->marks_n > 0 || m->stack.n != 1)
		fail_op(m, ERR_SYNTAX, "not one value");
	if (m->left.n > 0)
		fail_op(m, ERR_SYNTAX, "more after the end");
	m->stopped = true;
}

/* clang-format off */
static const struct opcode opcodes[256] = {
	['.'] = {"STOP", op_stop},
	[0x95] = {"FRAME", op_frame, 8},

	['N'] = {"NONE", op_none},
	[0x88] = {"NEWTRUE", op_true},
	[0x89] = {"NEWFALSE", op_false},
	['J'] = {"BININT", op_signed, 4},
	['K'] = {"BININT1", op_unsigned, 1},
	['M'] = {"BININT2", op_unsigned, 2},
	[0x8a] = {"LONG1", op_signed, 1, true},
	[0x8b] = {"LONG4", op_signed, 4, true},
	['G'] = {"BINFLOAT", op_real, 8},
	[0x8c] = {"SHORT_BINUNICODE", op_text, 1, true},
	['X'] = {"BINUNICODE", op_text, 4, true},
	[0x8d] = {"BINUNICODE8", op_text, 8, true},
	['C'] = {"SHORT_BINBYTES", op_bytes, 1, true},
	['B'] = {"BINBYTES", op_bytes, 4, true},
	[0x8e] = {"BINBYTES8", op_bytes, 8, true},
	[0x96] = {"BYTEARRAY8", op_bytes, 8, true},

	[')'] = {"EMPTY_TUPLE", op_collect},
	[0x85] = {"TUPLE1", op_collect, .takes = 1},
	[0x86] = {"TUPLE2", op_collect, .takes = 2},
	[0x87] = {"TUPLE3", op_collect, .takes = 3},
	['t'] = {"TUPLE", op_collect_marked},
	[0x91] = {"FROZENSET", op_collect_marked},
	[']'] = {"EMPTY_LIST", op_collect, .made = MADE_LIST},
	['l'] = {"LIST", op_collect_marked, .made = MADE_LIST},
	['a'] = {"APPEND", op_fill, .takes = 1, .made = MADE_LIST},
	['e'] = {"APPENDS", op_fill_marked, .made = MADE_LIST},
	['}'] = {"EMPTY_DICT", op_collect, .made = MADE_DICT},
	['d'] = {"DICT", op_collect_marked, .made = MADE_DICT},
	['s'] = {"SETITEM", op_fill, .takes = 2, .made = MADE_DICT},
	['u'] = {"SETITEMS", op_fill_marked, .made = MADE_DICT},
	[0x8f] = {"EMPTY_SET", op_collect, .made = MADE_SET},
	[0x90] = {"ADDITEMS", op_fill_marked, .made = MADE_SET},

	['('] = {"MARK", op_mark},
	['0'] = {"POP", op_pop},
	['1'] = {"POP_MARK", op_pop_mark},
	['2'] = {"DUP", op_dup},
	[0x94] = {"MEMOIZE", op_put},
	['q'] = {"BINPUT", op_put, 1},
	['r'] = {"LONG_BINPUT", op_put, 4},
	['h'] = {"BINGET", op_get, 1},
	['j'] = {"LONG_BINGET", op_get, 4},

	['c'] = {"GLOBAL"},
	[0x93] = {"STACK_GLOBAL"},
	['i'] = {"INST"},
	['o'] = {"OBJ"},
	[0x81] = {"NEWOBJ"},
	[0x92] = {"NEWOBJ_EX"},
	['R'] = {"REDUCE"},
	['b'] = {"BUILD"},
	[0x82] = {"EXT1"},
	[0x83] = {"EXT2"},
	[0x84] = {"EXT4"},
	['P'] = {"PERSID"},
	['Q'] = {"BINPERSID"},
	[0x97] = {"NEXT_BUFFER"},
	[0x98] = {"READONLY_BUFFER"},
};
/* clang-format on */

static void
fetch(struct machine *m, uint64_t n)
{
	if (n > m->left.n) {
		fail_op(m, ERR_SYNTAX, "ends too early");
		return;
	}
	m->arg = (struct str){m->left.p, n};
	m->left.p += n;
	m->left.n -= n;
}

/* step runs one instruction. */
static void
step(struct machine *m)
{
	if (m->left.n == 0) {
		fail(m, ERR_SYNTAX, "pickle without STOP");
		return;
	}
	uint8_t code = (uint8_t)*m->left.p++;
	m->left.n--;

	const struct opcode *op = m->op = &opcodes[code];
	if (!op->name) {
		fail(m, ERR_SYNTAX, "pickle opcode 0x%02x is none we know", code);
		return;
	}
	if (!op->run) {
		fail(m, ERR_UNSAFE, "%s asks to run code", op->name);
		return;
	}
	fetch(m, op->size);
	if (op->counted && m->fault == 0)
		fetch(m, le(m->arg));
	if (m->fault == 0)
		op->run(m);
}

/* --- the graph ------------------------------------------------------------ */

static void settle(struct machine *m, struct node *v, int above);

static void
settle_items(struct machine *m, struct node *v, int above)
{
	size_t n = v->val.count * (v->val.kind == VAL_DICT ? 2 : 1);

	for (size_t i = 0; i < n && m->fault == 0; i++) {
		struct node *item = container_of(v->val.items[i], struct node, val);

		settle(m, item, above + 1);
		v->nodes += item->nodes;
		v->text += item->text;
		if (v->height <= item->height)
			v->height = item->height + 1;
		if (v->nodes > PICKLE_NODES_MAX || v->text > PICKLE_TEXT_MAX)
			fail(m, ERR_LIMIT, "pickle expands to too many values");
	}
}

/* settle makes sure that v, which stands `above` containers down, is the root of
 * a tree within limits.  Each node is walked once, so shared ones cost nothing. */
static void
settle(struct machine *m, struct node *v, int above)
{
	if (v->settled == SETTLING)
		fail(m, ERR_SYNTAX, "pickle has a container inside itself");
	else if (above + v->height > PICKLE_DEPTH_MAX)
		fail(m, ERR_LIMIT, "pickle is nested too deep");
	if (m->fault < 0 || v->settled == SETTLED)
		return;

	v->settled = SETTLING;
	settle_items(m, v, above);
	v->settled = SETTLED;
}

int
pickle_parse(struct arena *a, struct str bytes, struct val **ret, char err[128])
{
	struct machine m = {.arena = a, .input = bytes.n, .err = err};

	if (bytes.n < 2 || (uint8_t)bytes.p[0] != 0x80 || bytes.p[1] < 2 ||
		bytes.p[1] > 5) {
		fail(&m, ERR_SYNTAX, "not a pickle of protocol 2 to 5");
		return m.fault;
	}
	m.left = (struct str){bytes.p + 2, bytes.n - 2};
	while (m.fault == 0 && !m.stopped)
		step(&m);
	if (m.fault == 0)
		settle(&m, top(&m), 0);
	if (m.fault == 0)
		*ret = &top(&m)->val;
	free(m.stack.at);
	free(m.memo.at);
	return m.fault;
}
