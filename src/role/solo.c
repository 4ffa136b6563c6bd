/* SPDX-License-Identifier: MIT */
/* solo.c: a job that crashed workers runs alone, in a process of its own.
 *
 * Both ways go fields, each "<length>\n<bytes>": the job in by standard input, its
 * end out by standard output.  Logs go to standard error, as everywhere. */
#include "role/solo.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "job/job.h"
#include "net/loop.h"
#include "role/env.h"

/* --- fields --------------------------------------------------------------- */

static void
put(struct buf *b, struct str field)
{
	buf_addu(b, field.n);
	buf_addc(b, '\n');
	buf_adds(b, field);
}

static void
put_number(struct buf *b, int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)v);
	put(b, str_of(text));
}

/* Takes the next field off rest; false when it is not all there. */
static bool
get(struct str *rest, struct str *ret)
{
	struct str all = *rest, number = str_cut(&all, '\n');
	int64_t n;

	if (!all.p || str_int(number, &n) < 0 || n < 0 || (size_t)n > all.n)
		return false;
	*ret = (struct str){all.p, (size_t)n};
	*rest = (struct str){all.p + n, all.n - (size_t)n};
	return true;
}

static bool
get_number(struct str *rest, int64_t *ret)
{
	struct str text;

	return get(rest, &text) && str_int(text, ret) == 0;
}

/* --- reading -------------------------------------------------------------- */

struct intake { /* all that comes through a pipe */
	uv_pipe_t pipe;
	struct buf got;
	char room[4096];
	void (*came)(struct intake *in, bool ended); /* more of it, or its end */
};

static void
give_room(uv_handle_t *h, size_t hint, uv_buf_t *ret)
{
	struct intake *in = container_of((uv_pipe_t *)h, struct intake, pipe);

	(void)hint;
	*ret = uv_buf_init(in->room, sizeof(in->room));
}

static void
on_bytes(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct intake *in = container_of((uv_pipe_t *)stream, struct intake, pipe);

	if (n > 0)
		buf_add(&in->got, bytes->base, (size_t)n);
	if (n != 0)
		in->came(in, n < 0);
}

static void
intake_start(struct intake *in)
{
	uv_read_start((uv_stream_t *)&in->pipe, give_room, on_bytes);
}

/* --- the worker's side ---------------------------------------------------- */

struct solo {
	uv_process_t process;
	uv_pipe_t in;
	struct intake out;
	uv_write_t write;
	struct job *job;
	struct buf request;
	int waiting; /* for: the exit, the end of its output, three handles closed */
	bool exited;
	int64_t status;
	int signum;
	char hurried[96]; /* why it was killed; empty: it was not */
};

static void
say_end(struct solo *s)
{
	struct job *job = s->job;
	struct str rest = buf_str(&s->out.got), words, value;
	int64_t err;

	if (s->hurried[0]) {
		job_end(job, job_fail(job, -ECANCELED, "%s", s->hurried));
		return;
	}
	if (s->signum) {
		job_end(job, job_fail(job, ERR_POISON,
				     "poison: its process died by signal %d (%s)",
				     s->signum, strsignal(s->signum)));
		return;
	}
	if (!get_number(&rest, &err) || !get_number(&rest, &job->retry_after_ms) ||
		!get(&rest, &words) || !get(&rest, &value)) {
		job_end(job, job_fail(job, ERR_UNAVAILABLE,
				     "its process ended with status %lld",
				     (long long)s->status));
		return;
	}
	job->value = arena_str(&job->arena, value);
	job_end(job, err < 0 ? job_fail(job, (int)err, "%.*s", STR_FMT(words)) : 0);
}

static void
on_one_less(struct solo *s)
{
	if (--s->waiting > 0)
		return;
	say_end(s);
	buf_done(&s->request);
	buf_done(&s->out.got);
	free(s);
}

static void
on_closed(uv_handle_t *h)
{
	on_one_less(h->data);
}

static void
on_exit_(uv_process_t *p, int64_t status, int signum)
{
	struct solo *s = p->data;

	s->exited = true;
	s->status = status;
	s->signum = signum;
	uv_close((uv_handle_t *)&s->in, on_closed);
	uv_close((uv_handle_t *)&s->process, on_closed);
	on_one_less(s);
}

static void
on_output(struct intake *out, bool ended)
{
	struct solo *s = container_of(out, struct solo, out);

	if (!ended)
		return;
	uv_close((uv_handle_t *)&out->pipe, on_closed);
	on_one_less(s);
}

static void
on_written(uv_write_t *w, int status)
{
	(void)w, (void)status; /* a child that does not read ends: on_exit_() says */
}

static void
write_request(struct solo *s, struct str data)
{
	const struct job *job = s->job;

	put(&s->request, job->id);
	put(&s->request, job->queue);
	put(&s->request, job->tenant);
	put(&s->request, job->trace);
	put_number(&s->request, job->queued_us);
	put_number(&s->request, job->claimed_us);
	put_number(&s->request, job->attempt);
	put_number(&s->request, job->retries_left);
	put_number(&s->request, job->waited_s);
	put_number(&s->request, job->timeout_ms);
	put(&s->request, data);

	struct str all = buf_str(&s->request);
	uv_buf_t b = uv_buf_init((char *)all.p, (unsigned)all.n); /* uv only reads */
	uv_write(&s->write, (uv_stream_t *)&s->in, &b, 1, on_written);
}

static int
spawn(struct solo *s, struct loop *l)
{
	char name[] = "prosaas", role[] = "solo";
	char *words[] = {name, role, NULL};
	uv_stdio_container_t stdio[] = {
		{UV_CREATE_PIPE | UV_READABLE_PIPE, {.stream = (uv_stream_t *)&s->in}},
		{UV_CREATE_PIPE | UV_WRITABLE_PIPE,
			{.stream = (uv_stream_t *)&s->out.pipe}},
		{UV_INHERIT_FD, {.fd = STDERR_FILENO}}};
	uv_process_options_t o = {.file = "/proc/self/exe",
		.args = words,
		.exit_cb = on_exit_,
		.flags = UV_PROCESS_DETACHED, /* Ctrl-C is for the worker */
		.stdio = stdio,
		.stdio_count = 3};

	uv_pipe_init(&l->uv, &s->in, 0);
	uv_pipe_init(&l->uv, &s->out.pipe, 0);
	s->out.came = on_output;
	s->in.data = s->out.pipe.data = s->process.data = s;
	return uv_spawn(&l->uv, &s->process, &o);
}

struct solo *
solo_start(struct loop *l, struct job *job, struct str data)
{
	struct solo *s = xcalloc(1, sizeof(*s));

	s->job = job;
	log_flush();
	int bad = spawn(s, l);
	if (bad < 0) { /* the process handle closes as after an exit */
		log_warn("can't start a process of its own: %s", uv_strerror(bad));
		s->waiting = 4;
		uv_close((uv_handle_t *)&s->out.pipe, on_closed);
		on_exit_(&s->process, bad, 0);
		return s;
	}
	s->waiting = 5;
	write_request(s, data);
	intake_start(&s->out);
	return s;
}

void
solo_hurry(struct solo *s, const char *why)
{
	snprintf(s->hurried, sizeof(s->hurried), "%s", why);
	if (!s->exited)
		uv_process_kill(&s->process, SIGKILL);
}

/* --- the process ---------------------------------------------------------- */

struct alone {
	struct loop loop;
	struct job_env env;
	struct job job;
	struct intake in;
	bool started;
};

static void
write_all(struct str s)
{
	while (s.n > 0) {
		ssize_t n = write(STDOUT_FILENO, s.p, s.n);

		if (n <= 0)
			_exit(1);
		s = (struct str){s.p + n, s.n - (size_t)n};
	}
}

static void
on_job_ended(struct job *job)
{
	struct alone *a = container_of(job, struct alone, job);
	struct buf out;

	buf_init(&out);
	put_number(&out, job->err);
	put_number(&out, job->retry_after_ms);
	put(&out, str_of(job->words));
	put(&out, job->value);
	write_all(buf_str(&out));
	buf_done(&out);
	loop_quit(&a->loop);
}

static bool
read_job(struct alone *a, struct str *ret_data)
{
	struct str rest = buf_str(&a->in.got);
	struct job *job = &a->job;

	return get(&rest, &job->id) && get(&rest, &job->queue) &&
	       get(&rest, &job->tenant) && get(&rest, &job->trace) &&
	       get_number(&rest, &job->queued_us) &&
	       get_number(&rest, &job->claimed_us) &&
	       get_number(&rest, &job->attempt) &&
	       get_number(&rest, &job->retries_left) &&
	       get_number(&rest, &job->waited_s) &&
	       get_number(&rest, &job->timeout_ms) && get(&rest, ret_data);
}

static void
on_input(struct intake *in, bool ended)
{
	struct alone *a = container_of(in, struct alone, in);
	struct str data;

	if (ended) /* the worker has gone */
		_exit(1);
	if (a->started || !read_job(a, &data))
		return;
	a->started = true;
	a->job.started_us = clock_mono_us();
	job_run(&a->job, data);
}

static void
on_stop(void *arg)
{
	(void)arg; /* the worker decides */
}

int
solo_run(const struct settings *s)
{
	static struct alone a;

	loop_init(&a.loop);
	loop_on_stop(&a.loop, on_stop, NULL);
	env_open(&a.env, &a.loop, s);
	a.env.typing = NULL; /* its last request outlives the job; we don't */
	arena_init(&a.job.arena);
	a.job.env = &a.env;
	a.job.retry_after_ms = -1;
	a.job.ended = on_job_ended;
	uv_pipe_init(&a.loop.uv, &a.in.pipe, 0);
	a.in.came = on_input;
	if (uv_pipe_open(&a.in.pipe, STDIN_FILENO) < 0)
		die("solo: runs a job that its worker hands in; it is not for people");
	intake_start(&a.in);
	loop_run(&a.loop);
	log_flush();
	return 0;
}
