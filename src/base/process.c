/* SPDX-License-Identifier: MIT */
/* process.c: memory, descriptors and CPU time of this process, from the kernel. */
#include "base/process.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/metrics.h"

static void
measure_memory(void)
{
	char text[128] = "";
	int64_t pages;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f)
		return;
	struct str rest = {text, fread(text, 1, sizeof(text) - 1, f)};
	fclose(f);
	str_cut(&rest, ' '); /* all of it; what is in RAM comes second */
	if (str_int(str_cut(&rest, ' '), &pages) == 0)
		metric_set(M_PROCESS_MEMORY, pages * sysconf(_SC_PAGESIZE));
}

/* An older kernel does not say how many names are in the directory: counting 10,000
 * of them takes milliseconds. */
static int64_t
open_fds(void)
{
	struct stat st;
	int64_t n = -3; /* ".", ".." and its own */

	if (stat("/proc/self/fd", &st) == 0 && st.st_size > 0)
		return st.st_size;
	DIR *d = opendir("/proc/self/fd");
	if (!d)
		return 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int64_t
micros(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000000 + t.tv_usec;
}

void
process_measure(void)
{
	struct rusage used;
	struct rlimit files;

	measure_memory();
	metric_set(M_PROCESS_FDS, open_fds());
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		metric_set(M_PROCESS_FDS_MAX, (int64_t)files.rlim_cur);
	if (getrusage(RUSAGE_SELF, &used) == 0)
		metric_set(
			M_PROCESS_CPU, micros(used.ru_utime) + micros(used.ru_stime));
}
