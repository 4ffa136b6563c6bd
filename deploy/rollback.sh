#!/bin/sh
# SPDX-License-Identifier: MIT
# rollback.sh [TARGET]: back to the release before, or to TARGET; no webhook fails.
#
# Without TARGET it is the one that the last line of DEPLOY_RECORD came from.  The
# database stays as it is: a release back can work with it (docs/deploy.md).
# Exit status: 0 done, 1 it failed, 2 wrong words.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=SCRIPTDIR/lib.sh
. "$here/lib.sh"
[ $# -le 1 ] || stop_with 2 "usage: rollback.sh [TARGET]"

from_target=$(door target) || stop_with 1 "the door does not open: $DOOR"
target=${1:-$(target_before)}
[ -n "$target" ] || stop_with 2 "$DEPLOY_RECORD names no release before: say which TARGET"
from=$(version)
door use "$target" || stop_with 1 "$target can't be used; $from goes on"
to=$(version)
say "$from -> $to"
# It may know fewer tables than there are.  Where the database can't go back, say so
# before anything is stopped.
if ! door prosaas migrate >&2; then
	door use "$from_target"
	stop_with 1 "$to can't work with this database; $from goes on"
fi
if replace_all; then
	record "$from" "$to" "$from_target" "$target" true "rolled back by hand"
	say "rolled back to $to"
else
	record "$from" "$to" "$from_target" "$target" true "ROLLBACK FAILED"
	stop_with 1 "not all of $to got ready: look at the logs of what is not"
fi
