/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include "wait.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/settings.h"
#include "job/job.h"
#include "net/loop.h"

static struct settings settings = {.test_jobs = "on"};
static struct job_env env = {.s = &settings};
static struct job job;
static int ends;

static void
on_ended(struct job *j)
{
	CHECK(j == &job);
	ends++;
}

static void
run_data(struct str data, int64_t attempt)
{
	arena_done(&job.arena);
	job = (struct job){.env = &env, .attempt = attempt, .ended = on_ended};
	arena_init(&job.arena);
	env.loop = the_loop();
	ends = 0;
	job_run(&job, data);
}

static void
run(const char *data, int64_t attempt)
{
	run_data(str_of(data), attempt);
}

static void
wait_end(void)
{
	while (ends == 0)
		uv_run(&the_loop()->uv, UV_RUN_ONCE);
}

#define CALL(name, args) "[\"prosaas.test." name "\",null," args ",{}]"

TEST(what_a_test_job_returns_comes_in_the_form_of_its_call)
{
	static const struct {
		const char *data, *value;
	} rows[] = {
		{CALL("echo", "[1,\"x\",null]"), "[1,\"x\",null]"},
		{"[\"prosaas.test.echo\",null,[1],{\"a\":[2.50]}]",
			"{\"args\":[1],\"kwargs\":{\"a\":[2.50]}}"},
		{CALL("add", "[2,3]"), "5"},
		{CALL("add", "[-5,9223372036854775807]"), "9223372036854775802"},
		{CALL("flaky", "[2]"), "3"},
		{CALL("noop", "[1]"), ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		run(rows[i].data, 3);
		CHECK_INT(ends, 1);
		CHECK_INT(job.err, 0);
		CHECK_STR(job.value, rows[i].value);
	}
}

TEST(a_pickled_call_returns_pickle)
{
	static const char data[] = "\x80\x02(X\x10\0\0\0prosaas.test.addNK\2K\3\x86}t.";

	run_data(STR(data), 1);
	CHECK_INT(job.err, 0);
	CHECK(str_eq(job.value, STR("\x80\x02K\5.")));
}

TEST(a_test_job_fails_as_it_is_told)
{
	static const struct {
		const char *data;
		bool again;
		const char *words;
	} rows[] = {
		{CALL("fail", "[\"no such luck\"]"), false, "no such luck"},
		{CALL("flaky", "[3]"), true, "flaky: attempt 3 of 3"},
		{CALL("add", "[1]"), false, "add takes two integers"},
		{CALL("add", "[1,\"1\"]"), false, "add takes two integers"},
		{CALL("add", "[1,9223372036854775807]"), false,
			"the sum needs more than 64 bits"},
		{CALL("sleep", "[]"), false, "sleep takes 0 to 86400 seconds"},
		{CALL("sleep", "[-1]"), false, "sleep takes 0 to 86400 seconds"},
		{CALL("sleep", "[1e300]"), false, "sleep takes 0 to 86400 seconds"},
		{CALL("nothing", "[]"), false,
			"unknown_function: prosaas.test.nothing"},
		{"[\"x.prosaas.test.noop\",null,[],{}]", false,
			"unknown_function: x.prosaas.test.noop"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		run(rows[i].data, 3);
		CHECK_INT(ends, 1);
		CHECK(job.err < 0 && err_transient(job.err) == rows[i].again);
		CHECK_STR(str_of(job.words), rows[i].words);
		CHECK(!job.value.p);
	}
}

TEST(test_jobs_are_unknown_unless_they_are_switched_on)
{
	settings.test_jobs = "off";
	run(CALL("noop", "[]"), 1);
	settings.test_jobs = "on";
	CHECK_INT(job.err, ERR_NO_FUNCTION);
}

TEST(a_sleeping_job_ends_from_the_loop)
{
	run(CALL("sleep", "[0.01]"), 1);
	CHECK_INT(ends, 0);
	wait_end();
	CHECK_INT(ends, 1);
	CHECK_INT(job.err, 0);
}

TEST(a_sleeping_job_can_be_hurried_and_says_why)
{
	run(CALL("sleep", "[3600]"), 1);
	job_hurry(&job, "enough");
	job_hurry(&job, "really");
	CHECK_INT(ends, 0);
	wait_end();
	CHECK_INT(ends, 1);
	CHECK(job.err < 0);
	CHECK_STR(str_of(job.words), "enough");
	job_hurry(&job, "too late");
	CHECK_INT(ends, 1);
}

TEST(the_crashing_job_takes_the_process_down)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		signal(SIGABRT, SIG_DFL);
		run(CALL("crash", "[]"), 1);
		_exit(0);
	}
	CHECK(child > 0 && waitpid(child, &status, 0) == child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	arena_done(&job.arena);
}

UNIT_MAIN
