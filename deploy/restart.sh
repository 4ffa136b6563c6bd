#!/bin/sh
# SPDX-License-Identifier: MIT
# restart.sh: the guide's option B, a full restart, for when option A has issues.
#
# All stop, then all start.  Meanwhile webhooks are refused, or wait in a port that a
# service manager holds: who sends them tries again, as a gateway does.  What was
# accepted is in Redis; nothing is lost and nothing answered twice.
# Exit status: 0 done, 1 something is not ready, 2 wrong words.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=SCRIPTDIR/lib.sh
. "$here/lib.sh"
[ $# -eq 0 ] || stop_with 2 "usage: restart.sh"

target=$(door target) || stop_with 1 "the door does not open: $DOOR"
now=$(version)
instances=
for role in $ROLES; do
	instances="$instances $(door list "$role")"
done
failed=
for instance in $instances; do
	say "$instance: stopping"
	door stop "$instance" || failed="$failed $instance"
done
for instance in $instances; do
	say "$instance: starting"
	door start "$instance" || failed="$failed $instance"
done
for instance in $instances; do
	wait_ready "$instance" || failed="$failed $instance"
done
if [ -n "$failed" ]; then
	record "$now" "$now" "$target" "$target" false "RESTART FAILED:$failed"
	stop_with 1 "failed:$failed"
fi
record "$now" "$now" "$target" "$target" false "restarted"
say "restarted"
