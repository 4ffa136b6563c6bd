#!/bin/sh
# SPDX-License-Identifier: MIT
# rollback.sh [TARGET]: back to the release before, or to TARGET; no webhook fails.
#
# Without TARGET it is what the last deployment of what is in use replaced, by
# DEPLOY_RECORD: a second rollback goes one further back.  The database stays as it
# is: a release back can work with it (docs/deploy.md).
# Exit status: 0 done, 1 it failed, 2 wrong words or another is at work.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=SCRIPTDIR/lib.sh
. "$here/lib.sh"
words "rollback.sh [TARGET]" 1 "$@"
begin

target=${1:-$(way_back "$in_use")}
[ -n "$target" ] || stop_with 2 "$DEPLOY_RECORD names no release before $in_use: say which TARGET"
from=$(version)
to=

end_with() { # NUMBER OUTCOME WORDS...
	code=$1
	record "$from" "$to" "$in_use" "$target" true "$2"
	shift 2
	stop_with "$code" "$*"
}

record "$from" "" "$in_use" "$target" true begun
door use "$target" || end_with 1 "not rolled back: it can't be used" "$target can't be used; $from goes on"
target=$(door target)
to=$(version)
say "$from -> $to"
# It may know fewer tables than there are.  Where the database can't go back, say so
# before anything is stopped.
if ! door prosaas migrate >&2; then
	door use "$in_use"
	end_with 1 "not rolled back: it can't work with this database" "$to can't work with this database; $from goes on"
fi
# shellcheck disable=SC2119 # not anyway: what runs goes on
replace_all || end_with 1 "ROLLBACK FAILED:$failed" \
	"not ready:$failed: look at its log; the rest was not touched; roll.sh without a name tries again"
end_with 0 "rolled back by hand" "rolled back to $to"
