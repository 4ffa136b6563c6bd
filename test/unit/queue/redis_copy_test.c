/* SPDX-License-Identifier: MIT */
/* Against two peers of which each has said beforehand all that it will say. */
#include "unit.h"

#include <sys/socket.h>
#include <unistd.h>

#include "queue/redis_copy.c"

struct peer {
	redisContext *c;
	int fd; /* its own end */
};

static struct peer
peer_that_says(const char *all)
{
	struct timeval second = {.tv_sec = 1};
	int ends[2];

	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	CHECK(write(ends[1], all, strlen(all)) == (ssize_t)strlen(all));
	redisContext *c = redisConnectFd(ends[0]);
	CHECK(c && redisSetTimeout(c, second) == REDIS_OK);
	return (struct peer){c, ends[1]};
}

static void
peer_done(struct peer *p)
{
	redisFree(p->c);
	close(p->fd);
}

static void
told(int64_t keys)
{
	(void)keys;
}

/* What RESTORE gets when PTTL says so. */
static void
check_life(const char *pttl, const char *want)
{
	char said[256] = "", script[128], err[256];
	int64_t keys = 0;

	snprintf(script, sizeof(script),
		"*2\r\n$1\r\n0\r\n*1\r\n$1\r\nk\r\n:%s\r\n$1\r\nD\r\n", pttl);
	struct peer from = peer_that_says(script), to = peer_that_says("+OK\r\n");
	CHECK_INT(redis_copy_all(from.c, to.c, told, &keys, err), 0);
	CHECK_INT(keys, 1);
	CHECK(read(to.fd, said, sizeof(said) - 1) > 0);
	if (strcmp(said, want) != 0)
		FAIL("PTTL %s: %s", pttl, said);
	peer_done(&from);
	peer_done(&to);
}

#define RESTORE(n, life)                                                            \
	"*5\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$" n "\r\n" life "\r\n$1\r\nD\r\n$7\r\n" \
	"REPLACE\r\n"

TEST(a_key_keeps_the_life_that_is_left)
{
	check_life("-1", RESTORE("1", "0"));
	check_life("1500", RESTORE("4", "1500"));
}

TEST(a_key_in_its_last_millisecond_does_not_become_endless)
{
	check_life("0", RESTORE("1", "1"));
}

UNIT_MAIN
