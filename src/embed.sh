#!/bin/sh
# SPDX-License-Identifier: MIT
# embed.sh PREFIX FILE...: a C header with each file as a string named
# PREFIX_<file name without folder and suffix>, and a table of them all in the
# order given, PREFIX_files, which ends with a row of NULL.  Before a file with a
# line "-- uses: NAME ..." stand the files lib/NAME of its folder and suffix.
set -eu
prefix=$1
shift

c_name() {
	name=$(basename "$1")
	echo "${name%.*}" | tr '.-' '__'
}

# The file, and what it uses before it.
whole() {
	# shellcheck disable=SC2013 # a list of words
	for name in $(sed -n 's/^-- uses: //p' "$1"); do
		cat "$(dirname "$1")/lib/$name.${1##*.}"
	done
	cat "$1"
}

echo "/* Made by src/embed.sh. */"
for f in "$@"; do
	printf 'static const char %s_%s[] =\n' "$prefix" "$(c_name "$f")"
	whole "$f" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/	/\\t/g' -e 's/^/\t"/' -e 's/$/\\n"/'
	echo '	"";'
done
printf 'static const struct {\n\tconst char *name, *text;\n} %s_files[] = {\n' "$prefix"
for f in "$@"; do
	printf '\t{"%s", %s_%s},\n' "$(c_name "$f")" "$prefix" "$(c_name "$f")"
done
printf '\t{0, 0},\n};\n'
