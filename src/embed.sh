#!/bin/sh
# SPDX-License-Identifier: MIT
# embed.sh PREFIX FILE...: a C header with each file as a string named
# PREFIX_<file name without folder and suffix>.
set -eu
prefix=$1
shift
echo "/* Made by src/embed.sh. */"
for f in "$@"; do
	name=$(basename "$f")
	printf 'static const char %s_%s[] =\n' "$prefix" "$(echo "${name%.*}" | tr '.-' '__')"
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/	/\\t/g' -e 's/^/\t"/' -e 's/$/\\n"/' "$f"
	echo '	"";'
done
