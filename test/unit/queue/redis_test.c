/* SPDX-License-Identifier: MIT */
/* Against a real redis-server on a unix socket of its own. */
#include "unit.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queue/redis.c"

static struct loop loop;
static char dir[64], sock[96], url[128];
static pid_t server;

static void
start_server(void)
{
	server = fork();
	if (server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("redis-server", "redis-server", "--port", "0", "--unixsocket",
			sock, "--dir", dir, "--save", "", "--logfile", "/dev/null",
			NULL);
		_exit(127);
	}
	CHECK(server > 0); /* kill(-1) would reach everybody */
}

static void
stop_server(int signum)
{
	kill(server, signum);
	waitpid(server, NULL, 0);
}

static void
begin_test(void)
{
	static bool inited;

	if (inited)
		return;
	inited = true;
	loop_init(&loop);
	snprintf(dir, sizeof(dir), "/tmp/prosaas-redis-XXXXXX");
	CHECK(mkdtemp(dir));
	snprintf(sock, sizeof(sock), "%s/s", dir);
	snprintf(url, sizeof(url), "unix://%s", sock);
	start_server();
}

static int dones;
static int last_err;
static char last_text[64];

static void
on_done(struct redis_cmd *cmd)
{
	dones++;
	last_err = cmd->err;
	snprintf(last_text, sizeof(last_text), "%.*s", STR_FMT(redis_text(cmd->reply)));
	loop_quit(&loop);
}

static void
on_is_ready(void *arg)
{
	(void)arg;
	loop_quit(&loop);
}

static struct redis *
connect_ready(void)
{
	struct redis_options o = {.url = url,
		.name = "unit",
		.deadline_ms = 300,
		.on_ready = on_is_ready};
	struct redis *r = redis_new(&loop, &o);

	loop_run(&loop);
	CHECK(redis_ready(r));
	return r;
}

static void
ping(struct redis *r, const char *word)
{
	static struct redis_cmd cmd;

	redis_call(r, &cmd, "ECHO", 1, on_done);
	redis_argz(r, word);
	loop_run(&loop);
}

TEST(urls_are_read_and_wrong_ones_named)
{
	static const struct {
		const char *url, *host, *user, *password, *path;
		int port, db;
	} rows[] = {
		{"redis://h", "h", NULL, NULL, NULL, 6379, 0},
		{"redis://", "127.0.0.1", NULL, NULL, NULL, 6379, 0},
		{"redis://h:7/3", "h", NULL, NULL, NULL, 7, 3},
		{"redis://:p@h", "h", NULL, "p", NULL, 6379, 0},
		{"redis://u:p:q@h:7", "h", "u", "p:q", NULL, 7, 0},
		{"redis://u:p@w@h", "h", "u", "p@w", NULL, 6379, 0},
		{"unix:///a/b?db=2", NULL, NULL, NULL, "/a/b", 6379, 2},
	};
	static const char *const wrong[] = {"", "h", "http://h", "redis://h:0",
		"redis://h:99999", "redis://h:x", "redis://h/x", "unix://",
		"unix:///a?x=1", "rediss://h"};
	char err[256];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct redis_url u;

		CHECK_INT(redis_url_parse(rows[i].url, &u), 0);
		CHECK(str_eqz(str_of(u.host), rows[i].host) &&
			str_eqz(str_of(u.user), rows[i].user));
		CHECK(str_eqz(str_of(u.password), rows[i].password) &&
			str_eqz(str_of(u.path), rows[i].path));
		CHECK_INT(u.port, rows[i].port);
		CHECK_INT(u.db, rows[i].db);
		redis_url_done(&u);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		CHECK(redis_url_check(wrong[i], err) < 0);
		CHECK(strncmp(err, "REDIS_URL: ", 11) == 0);
	}
	CHECK(redis_url_check("redis://user:hush@h:x", err) < 0 &&
		!strstr(err, "hush"));
}

TEST(a_command_gets_its_reply)
{
	begin_test();
	struct redis *r = connect_ready();

	ping(r, "hello");
	CHECK_INT(last_err, 0);
	CHECK_STR(str_of(last_text), "hello");
	redis_close(r);
}

TEST(an_error_reply_is_an_error_with_words)
{
	static struct redis_cmd cmd;

	begin_test();
	struct redis *r = connect_ready();
	redis_call(r, &cmd, "NONSENSE", 0, on_done);
	loop_run(&loop);
	CHECK_INT(last_err, ERR_REMOTE);
	CHECK(strstr(last_text, "unknown command"));
	redis_close(r);
}

TEST(a_hung_server_costs_the_deadline_and_then_comes_back)
{
	begin_test();
	struct redis *r = connect_ready();
	kill(server, SIGSTOP);
	int64_t began = clock_mono_ms();
	ping(r, "late");
	CHECK_INT(last_err, -ETIMEDOUT);
	CHECK(clock_mono_ms() - began >= 290);
	CHECK(!redis_ready(r) && redis_trouble(r)[0]);
	dones = 0;
	ping(r, "refused"); /* at once, but from the loop */
	CHECK_INT(last_err, ERR_UNAVAILABLE);
	CHECK_INT(dones, 1);
	kill(server, SIGCONT);
	loop_run(&loop); /* ready again */
	ping(r, "back");
	CHECK_STR(str_of(last_text), "back");
	redis_close(r);
}

TEST(a_killed_server_ends_what_is_in_flight_and_is_found_again)
{
	static struct redis_cmd cmd;

	begin_test();
	struct redis *r = connect_ready();
	redis_call(r, &cmd, "BLPOP", 2, on_done);
	redis_argz(r, "nothing");
	redis_argi(r, 100);
	redis_deadline(&cmd, 60000);
	dones = 0;
	uv_run(&loop.uv, UV_RUN_NOWAIT);
	stop_server(SIGKILL);
	loop_run(&loop);
	CHECK_INT(last_err, ERR_UNAVAILABLE);
	CHECK_INT(dones, 1);
	start_server();
	loop_run(&loop);
	ping(r, "again");
	CHECK_STR(str_of(last_text), "again");
	redis_close(r);
}

TEST(forgotten_scripts_are_loaded_again)
{
	static struct redis_cmd cmd;

	begin_test();
	struct redis *r = connect_ready();
	redis_call(r, &cmd, "SCRIPT", 1, on_done);
	redis_argz(r, "FLUSH");
	loop_run(&loop);
	redis_eval(r, &cmd, SCRIPT_STATS, 0, 1, on_done);
	redis_argz(r, "default");
	loop_run(&loop);
	CHECK_INT(last_err, ERR_REMOTE);
	loop_run(&loop); /* ready again */
	redis_eval(r, &cmd, SCRIPT_STATS, 0, 1, on_done);
	redis_argz(r, "default");
	loop_run(&loop);
	CHECK_INT(last_err, 0);
	redis_close(r);
	stop_server(SIGTERM);
	unlink(sock);
	rmdir(dir);
}

UNIT_MAIN
