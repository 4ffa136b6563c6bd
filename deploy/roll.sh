#!/bin/sh
# SPDX-License-Identifier: MIT
# roll.sh [TARGET]: the guide's option A, a rolling restart.  No webhook fails.
#
#   use TARGET -> migrate -> api, worker, scheduler: replace, wait until ready -> gate -> record
#                    |                       | not ready                          | no
#                    `-----------------------`----> use the old one again, replace, record, exit 1
#
# TARGET is what the door puts in use: a binary (systemd) or an image tag (compose).
# Without it the processes are only replaced by others of the same release.
# Exit status: 0 done, 1 rolled back, 2 wrong words, 3 the way back failed as well.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=SCRIPTDIR/lib.sh
. "$here/lib.sh"
[ $# -le 1 ] || stop_with 2 "usage: roll.sh [TARGET]"

old_target=$(door target) || stop_with 1 "the door does not open: $DOOR"
old=$(version)
new=$old

back() { # WHY
	say "going back to $old: $1"
	if door use "$old_target" && replace_all; then
		record "$old" "$new" "$old_target" "${target:-$old_target}" true "rolled back: $1"
		exit 1
	fi
	record "$old" "$new" "$old_target" "${target:-$old_target}" true "ROLLBACK FAILED: $1"
	stop_with 3 "the way back failed: look at the logs of what is not ready"
}

target=${1:-$old_target}
if [ "$target" != "$old_target" ]; then
	door use "$target" || back "$target can't be used"
	new=$(version)
	[ -n "$new" ] || back "$target does not run"
fi
say "$old -> $new"
door prosaas migrate >&2 || back "migrate failed"
replace_all || back "an instance did not get ready"
gate >&2 || back "the gate says so"
record "$old" "$new" "$old_target" "$target" false "deployed"
say "deployed $new"
