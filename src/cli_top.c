/* SPDX-License-Identifier: MIT */
/* cli_top.c: prosaas top: how the whole stands, live.
 *
 *   every second: health ---> survey ---> picture ---> terminal      q, SIGINT,
 *                                                                    SIGTERM: end
 *
 * Numbers are Redis's: what waits, who works, which alerts fire, and what each process
 * tells there of itself every two seconds (queue/vitals.h), so that it need not reach
 * any of them.  On a terminal it draws on the other screen, and gives the first one
 * back as it was. */
#include "cli_top.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/settings.h"
#include "base/utf8.h"
#include "cli_redis.h"
#include "cli_top_priv.h"
#include "cli_words.h"
#include "queue/registry.h"
#include "queue/survey.h"
#include "role/window.h"

enum {
	EVERY_MS = 1000,
	ONCE_MS = 5000, /* two words of each process, which tell every two seconds */
	WINDOW_S = 10,
};

struct top {
	const struct settings *s;
	struct settings window_s; /* with a window of our own */
	struct cli_words words;
	struct cli_redis redis;
	struct redis_cmd cmd; /* one at a time */
	uv_timer_t tick;
	uv_poll_t keys;
	uv_signal_t resized;
	struct window *window;
	struct buf workers, picture, out;
	bool once, on_screen, asking;
	int looks, status;
};

static int run(void *into);

static const struct cli_row rows[] = {
	{"", run, 0, 0, "[--once]",
		"How the whole stands: alerts, rates and times of the last 10 seconds, "
		"queues,\n"
		"workers, processes; q ends it.  --once prints it once, of the last 5 "
		"seconds."},
};

static const struct cli_option options[] = {
	{"--once", CLI_FLAG, offsetof(struct top, once)},
};

static const struct cli_command command = {
	"top", rows, ARRAY_LEN(rows), options, ARRAY_LEN(options)};

/* --- the terminal ---------------------------------------------------------- */

static struct termios before; /* what is given back */
static bool taken;

static void
give_back(void)
{
	if (!taken)
		return;
	taken = false;
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

static void
take_screen(void)
{
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return;
	t = before;
	t.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
	t.c_cc[VSUSP] = _POSIX_VDISABLE; /* or it would be left as it is now */
	tcsetattr(STDIN_FILENO, TCSANOW, &t);
	taken = true;
	atexit(give_back);
	fputs("\033[?1049h\033[?25l", stdout);
}

/* 0: no limit. */
static void
room(int *ret_width, int *ret_height)
{
	struct winsize size = {0};
	const char *columns = getenv("COLUMNS");
	int64_t n;

	*ret_width = *ret_height = 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
		*ret_width = size.ws_col;
		*ret_height = size.ws_row;
	} else if (columns && str_int(str_of(columns), &n) == 0 && n <= INT_MAX) {
		*ret_width = (int)n; /* what is no number is no limit */
	}
}

static void
add_line(struct top *t, struct str line, int width)
{
	bool head = line.n > 0 && line.p[0] == '\1';

	if (head)
		line = (struct str){line.p + 1, line.n - 1};
	buf_addz(&t->out, head && t->on_screen ? "\033[1m" : "");
	buf_adds(&t->out, width > 0 ? utf8_first(line, (size_t)width) : line);
	buf_addz(&t->out, head && t->on_screen ? "\033[0m" : "");
	buf_addz(&t->out, t->on_screen ? "\033[K" : "");
}

static void
draw(struct top *t)
{
	struct str rest = buf_str(&t->picture);
	int width, height;

	room(&width, &height);
	buf_clear(&t->out, 1 << 16);
	buf_addz(&t->out, t->on_screen ? "\033[H" : "");
	for (int i = 0; rest.n > 0 && !(t->on_screen && i == height); i++) {
		buf_addz(&t->out, i > 0 ? "\n" : "");
		add_line(t, str_cut(&rest, '\n'), width);
	}
	buf_addz(&t->out, t->on_screen ? "\033[J" : "\n");
	fwrite(buf_str(&t->out).p, 1, buf_len(&t->out), stdout);
	fflush(stdout);
}

/* --- looking --------------------------------------------------------------- */

static void
end(struct top *t, int status)
{
	t->status = status;
	loop_quit(&t->redis.loop);
}

/* What is wrong is part of the picture: it goes on when Redis comes back. */
static void
lost(struct top *t, const struct redis_cmd *cmd)
{
	t->asking = false;
	if (!t->on_screen) {
		fprintf(stderr, "prosaas: Redis: %s\n", err_text(cmd->err));
		end(t, CLI_FAILED);
		return;
	}
	buf_clear(&t->picture, 1 << 16);
	buf_addf(&t->picture, "\1%s\n",
		*redis_trouble(t->redis.redis) ? redis_trouble(t->redis.redis)
					       : err_text(cmd->err));
	draw(t);
}

static void
on_survey(struct redis_cmd *cmd)
{
	struct top *t = container_of(cmd, struct top, cmd);
	struct top_look look = {
		t->s->rq_queues, cmd->reply, buf_str(&t->workers), t->window};

	if (cmd->err < 0) {
		lost(t, cmd);
		return;
	}
	t->asking = false;
	buf_clear(&t->picture, 1 << 16);
	top_picture(&look, &t->picture);
	if (t->on_screen || ++t->looks > 1)
		draw(t);
	if (t->looks > 1)
		end(t, CLI_DONE);
}

static void
on_health(struct redis_cmd *cmd)
{
	struct top *t = container_of(cmd, struct top, cmd);

	if (cmd->err < 0) {
		lost(t, cmd);
		return;
	}
	buf_clear(&t->workers, 1 << 16);
	top_workers(cmd->reply, &t->workers);
	survey_ask(t->redis.redis, &t->cmd, t->s->rq_queues, on_survey);
}

static void
on_tick(uv_timer_t *timer)
{
	struct top *t = timer->data;

	if (t->asking)
		return;
	t->asking = true;
	registry_health(t->redis.redis, &t->cmd, on_health);
}

static void
on_key(uv_poll_t *p, int status, int events)
{
	char key;

	(void)events;
	if (status < 0 || read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q')
		end(p->data, CLI_DONE);
}

static void
on_resized(uv_signal_t *h, int signum)
{
	(void)signum;
	draw(h->data);
}

/* --- the command ----------------------------------------------------------- */

static void
watch_terminal(struct top *t)
{
	uv_loop_t *l = &t->redis.loop.uv;

	take_screen();
	uv_poll_init(l, &t->keys, STDIN_FILENO);
	uv_signal_init(l, &t->resized);
	t->keys.data = t->resized.data = t;
	uv_poll_start(&t->keys, UV_READABLE, on_key);
	uv_signal_start(&t->resized, on_resized, SIGWINCH);
}

static int
run(void *into)
{
	struct top *t = into;
	uint64_t every_ms;

	t->on_screen = !t->once && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	every_ms = t->on_screen ? EVERY_MS : ONCE_MS;
	t->status = t->on_screen ? CLI_DONE : CLI_FAILED; /* when a signal ends it */
	t->window_s = *t->s;
	t->window_s.alert_window_s = WINDOW_S;
	t->window_s.alert_every_ms = EVERY_MS;
	t->window = window_new(&t->window_s);
	buf_init(&t->workers);
	buf_init(&t->picture);
	buf_init(&t->out);
	if (t->on_screen)
		watch_terminal(t);
	uv_timer_init(&t->redis.loop.uv, &t->tick);
	t->tick.data = t;
	uv_timer_start(&t->tick, on_tick, 0, every_ms);
	loop_run(&t->redis.loop);
	give_back();
	return t->status;
}

int
cli_top(const struct settings *s, int argc, char **argv)
{
	static struct top t; /* the loop in it is left to the kernel */
	int status;

	t.s = s;
	const struct cli_row *r =
		cli_words(&command, argc, argv, &t, &t.words, &status);
	if (!r)
		return status;
	if (cli_redis_open(&t.redis, s) < 0)
		return CLI_FAILED;
	return r->run(&t);
}
