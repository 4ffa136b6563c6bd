/* SPDX-License-Identifier: MIT */
/* cli_completion.c: prosaas completion bash|zsh.
 *
 * Commands and their subcommands come from main.c's table; options the shell asks the
 * command itself for (--help), so that there is nothing here to forget. */
#include "cli_completion.h"

#include <ctype.h>
#include <stdio.h>

#include "base/defs.h"
#include "base/str.h"
#include "cli_words.h"
#include "main_priv.h"

static int bash(void *into), zsh(void *into);

static const struct cli_row rows[] = {
	{"bash", bash, 0, 0, "bash",
		"For bash: prosaas completion bash "
		">/etc/bash_completion.d/prosaas"},
	{"zsh", zsh, 0, 0, "zsh",
		"For zsh: prosaas completion zsh >/usr/share/zsh/vendor-completions/"
		"_prosaas"},
};

static const struct cli_command command_words = {
	"completion", rows, ARRAY_LEN(rows), NULL, 0};

/* What of a usage are subcommands: "list|show ...", "[restore] ...".  TENANT is none.
 */
static struct str
subcommands(const struct word *w)
{
	struct str rest = str_of(w->usage);
	struct str first = str_cut(&rest, ' ');

	if (first.n > 2 && first.p[0] == '[')
		first = (struct str){first.p + 1, first.n - 2};
	return first.n > 0 && islower((unsigned char)first.p[0]) ? first : STR("");
}

static void
print_subcommands(const struct word *w)
{
	struct str rest = subcommands(w);
	const char *blank = "";

	while (rest.n > 0) {
		struct str name = str_cut(&rest, '|');

		printf("%s%.*s", blank, STR_FMT(name));
		blank = " ";
	}
}

static void
print_cases(const char *before, const char *after)
{
	for (const struct word *w = main_words; w->name; w++) {
		if (subcommands(w).n == 0)
			continue;
		printf("\t\t%s) %s", w->name, before);
		print_subcommands(w);
		printf("%s ;;\n", after);
	}
}

static int
bash(void *into)
{
	(void)into;
	puts("# bash completion of prosaas; made by `prosaas completion bash`\n"
	     "_prosaas() {\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} words=\n"
	     "\tif [ \"$COMP_CWORD\" -eq 1 ]; then");
	fputs("\t\twords='--help --version", stdout);
	for (const struct word *w = main_words; w->name; w++)
		printf(" %s", w->name);
	puts("'\n"
	     "\telif [ \"${cur#-}\" != \"$cur\" ]; then\n"
	     "\t\twords=$(\"${COMP_WORDS[0]}\" \"${COMP_WORDS[1]}\" "
	     "\"${COMP_WORDS[2]}\" --help 2>/dev/null | grep -oE -e '--[a-z-]+' | sort "
	     "-u)\n"
	     "\telif [ \"$COMP_CWORD\" -eq 2 ]; then\n"
	     "\t\tcase ${COMP_WORDS[1]} in");
	print_cases("words='", "'");
	puts("\t\tesac\n"
	     "\tfi\n"
	     "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	     "}\n"
	     "complete -o default -F _prosaas prosaas");
	return CLI_DONE;
}

/* For within '...'. */
static void
print_quoted(const char *text)
{
	for (; *text; text++)
		fputs(*text == '\'' ? "'\\''" : (char[]){*text, '\0'}, stdout);
}

static int
zsh(void *into)
{
	(void)into;
	puts("#compdef prosaas\n"
	     "# zsh completion of prosaas; made by `prosaas completion zsh`\n"
	     "_prosaas() {\n"
	     "\tlocal -a commands\n"
	     "\tcommands=(");
	for (const struct word *w = main_words; w->name; w++) {
		printf("\t\t'%s:", w->name);
		print_quoted(w->help);
		puts("'");
	}
	puts("\t)\n"
	     "\tif (( CURRENT == 2 )); then\n"
	     "\t\t_describe command commands\n"
	     "\telif [[ $words[CURRENT] == -* ]]; then\n"
	     "\t\tcompadd -- ${(f)\"$($words[1] $words[2] $words[3] --help 2>/dev/null "
	     "| grep -oE -e '--[a-z-]+' | sort -u)\"}\n"
	     "\telif (( CURRENT == 3 )); then\n"
	     "\t\tcase $words[2] in");
	print_cases("compadd -- ", "");
	puts("\t\t*) _files ;;\n"
	     "\t\tesac\n"
	     "\telse\n"
	     "\t\t_files\n"
	     "\tfi\n"
	     "}\n"
	     "if [ \"$funcstack[1]\" = _prosaas ]; then _prosaas \"$@\"; else compdef "
	     "_prosaas prosaas; fi");
	return CLI_DONE;
}

int
cli_completion(const struct settings *s, int argc, char **argv)
{
	static struct cli_words words; /* they live as long as the process */
	int status;

	(void)s;
	const struct cli_row *r =
		cli_words(&command_words, argc, argv, NULL, &words, &status);
	return r ? r->run(NULL) : status;
}
