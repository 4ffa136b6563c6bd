#!/bin/sh
# SPDX-License-Identifier: MIT
# restart.sh: the guide's option B, a full restart, for when option A has issues.
#
# All stop, then all start.  Meanwhile webhooks are refused, or wait in a port that a
# service manager holds: who sends them tries again, as a gateway does.  What was
# accepted is in Redis; nothing is lost and nothing answered twice.  Ctrl-C waits until
# all have been started; after a kill, run it again: it starts what is stopped.
# Exit status: 0 done, 1 something is not ready, 2 wrong words or another is at work.
set -u
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=SCRIPTDIR/lib.sh
. "$here/lib.sh"
words "restart.sh" 0 "$@"
begin

now=$(version)
failed=
trap 'say "what is stopped is started first"' INT TERM HUP
for instance in $instances; do
	say "$instance: stopping"
	door stop "$instance" || failed="$failed $instance"
done
for instance in $instances; do
	say "$instance: starting"
	door start "$instance" || failed="$failed $instance"
done
trap - INT TERM HUP
for instance in $instances; do
	wait_ready "$instance" || failed="$failed $instance"
done
if [ -n "$failed" ]; then
	record "$now" "$now" "$in_use" "$in_use" false "RESTART FAILED:$failed"
	stop_with 1 "failed:$failed"
fi
record "$now" "$now" "$in_use" "$in_use" false "restarted"
say "restarted"
