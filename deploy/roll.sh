#!/bin/sh
# SPDX-License-Identifier: MIT
# roll.sh [TARGET]: the guide's option A, a rolling restart.  No webhook fails.
#
#   use TARGET -> migrate -> api, worker, scheduler, admin: replace, wait until ready -> gate -> record
#                    |                       | not ready                                 | no
#                    `-----------------------`----> use the old one again, replace, record, exit 1
#
# TARGET is what the door puts in use: a binary (systemd) or an image tag (compose).
# Without it the processes are only replaced by others of the same release.
# Ctrl-C goes back, too.  Killed, it leaves "begun" in the record: the next run knows
# from there what was in use before, and rollback.sh goes back to it.
# Exit status: 0 done, 1 not done (what was in use is, again), 2 wrong words or another
# is at work, 3 the way back failed as well.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=SCRIPTDIR/lib.sh
. "$here/lib.sh"
words "roll.sh [TARGET]" 1 "$@"
begin

old_target=$(sound "$in_use")
! cut_off || say "the last one was cut off: the way back is $old_target"
old=$(version)
new=$old
target=${1:-$in_use}
replacing= # nothing has been replaced yet

back() { # WHY
	trap 'say "it is going back: wait"' INT TERM HUP
	say "going back to $old_target: $1"
	bad=
	door use "$old_target" || bad=yes
	[ -z "$replacing" ] || replace_all anyway || bad=yes
	if [ -z "$bad" ]; then
		record "$old" "$new" "$old_target" "$target" true "rolled back: $1"
		exit 1
	fi
	record "$old" "$new" "$old_target" "$target" true "ROLLBACK FAILED: $1"
	stop_with 3 "the way back failed: look at the logs of what is not ready:$failed"
}

record "$old" "" "$old_target" "$target" false begun || stop_with 2 "without the record there is no way back: nothing was touched"
trap 'back "it was stopped by hand"' INT TERM HUP
if [ "$target" != "$in_use" ]; then
	door use "$target" || back "$target can't be used"
	target=$(door target)
	new=$(version)
	[ -n "$new" ] || back "$target does not run"
fi
say "$old -> $new"
door prosaas migrate >&2 || back "migrate failed"
replacing=yes
replace_all || back "an instance did not get ready:$failed"
gate >&2 || back "the gate says so"
trap 'say "it is done"' INT TERM HUP
record "$old" "$new" "$old_target" "$target" false "deployed"
say "deployed $new"
