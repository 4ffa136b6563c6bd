# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# lib.sh: what roll.sh, restart.sh and rollback.sh share.  They source it.
#
# They know no systemd and no compose: a door does.  DOOR is a program:
#
#   list ROLE          its instances, one a line, stopped ones too    (role: api, worker, scheduler, admin)
#   target             what is in use: a path, an image tag
#   use TARGET         puts that in use for what is started from now on
#   replace INSTANCE   a process of what is in use takes its place: it is ready before
#                      the old one goes, where it can be
#   stop INSTANCE, start INSTANCE                   (also: redis)
#   logs ROLE          the last lines of its log, TAIL of them (2000)
#   probe INSTANCE     exits 0 when it is ready, else says why not
#   gate WINDOW        `prosaas doctor --gate` of what is in use: exits 0 for go
#   prosaas WORDS...   a command of what is in use, in the roles' environment
#
# DOOR             deploy/door-systemd (the default), deploy/door-compose, or your own
# READY_TIMEOUT    seconds that an instance has to get ready: 60
# GATE             off: no gate;  GATE_WINDOW  how long it watches: 5m
# DEPLOY_RECORD    the file that each deployment is appended to, a JSON object a line; one
#                  script works at a time: DEPLOY_RECORD.lock
# ALERT_WEBHOOK_URL    told of each (as {"text": ...}; needs curl); unset: the roles' own
# DEPLOYED_BY, NOTES   who and why, for the record

: "${DOOR:=$here/door-systemd}" "${READY_TIMEOUT:=60}" "${GATE:=on}" "${GATE_WINDOW:=5m}"
: "${DEPLOY_RECORD:=/var/lib/prosaas/deployments.jsonl}" "${NOTES:=}"
: "${DEPLOYED_BY:=${SUDO_USER:-$(id -un)}}"
ROLES="api worker scheduler admin"

say() { printf '%s %s\n' "$(date -u +%H:%M:%S)" "$*" >&2 || :; }
stop_with() { # NUMBER WORDS...
	code=$1
	shift
	say "${0##*/}: $*"
	exit "$code"
}
door() { "$DOOR" "$@" 9>&-; } # 9 is the lock: not for a process that a door leaves behind

# words USAGE MOST WORDS...: what a script was called with, looked at before anything
# is touched.  A word that was forgotten ("") is not the same as none.
words() {
	usage="usage: $1"
	most=$2
	shift 2
	case ${1-none} in
	-h | --help) echo "$usage" && exit 0 ;;
	'' | -*) stop_with 2 "$usage" ;;
	esac
	[ $# -le "$most" ] || stop_with 2 "$usage"
	case $READY_TIMEOUT in '' | *[!0-9]*) stop_with 2 "READY_TIMEOUT=$READY_TIMEOUT: seconds, a number" ;; esac
	case $GATE in on | off) ;; *) stop_with 2 "GATE=$GATE: on or off" ;; esac
	case $GATE_WINDOW in [1-9]*[smh]) ;; *) stop_with 2 "GATE_WINDOW=$GATE_WINDOW: a span, as 30s, 5m or 10m" ;; esac
}

# alone: nobody else deploys until this process ends, however it ends.
alone() {
	(: >>"$DEPLOY_RECORD.lock" && : >>"$DEPLOY_RECORD") 2>/dev/null ||
		stop_with 2 "DEPLOY_RECORD=$DEPLOY_RECORD can't be written: who, where, or name another file"
	exec 9>>"$DEPLOY_RECORD.lock"
	flock -n 9 || stop_with 2 "not now: $(cat "$DEPLOY_RECORD.lock") is at work"
	echo "${0##*/} of $DEPLOYED_BY, process $$, since $(date -u +%H:%M:%S)" >"$DEPLOY_RECORD.lock"
}

# begin: sets in_use and instances; stops where there is nothing to work on.
begin() {
	alone
	trap 'exec >/dev/null 2>&1' PIPE # who read along has gone: we go on
	# shellcheck disable=SC2034 # of who sources us
	in_use=$(door target) || stop_with 1 "the door does not open: $DOOR"
	instances=
	for role in $ROLES; do
		some=$(door list "$role") || stop_with 1 "$DOOR does not list $role"
		[ -z "$some" ] || instances="$instances $some"
	done
	[ -n "$instances" ] || stop_with 1 "$DOOR lists no instance of any role"
	: "${ALERT_WEBHOOK_URL=$(door prosaas config 2>/dev/null | sed -n 's/^ALERT_WEBHOOK_URL=//p')}"
}

version() { door prosaas --version | sed 's/^prosaas //'; }

wait_ready() { # INSTANCE
	end=$(($(date +%s) + READY_TIMEOUT))
	until why=$(door probe "$1" 2>&1); do
		if [ "$(date +%s)" -ge "$end" ]; then
			say "$1 was not ready within $READY_TIMEOUT s: $why"
			return 1
		fi
		sleep 0.2
	done
	say "$1 is ready"
}

# replace_all: every instance, one after the other; stops at the first that fails, or
# with `anyway` does what can be done.
# shellcheck disable=SC2120 # only roll.sh says it
replace_all() {
	failed=
	for role in $ROLES; do
		if ! some=$(door list "$role"); then
			failed="$failed $role"
			[ "${1:-}" = anyway ] || return 1
		fi
		for instance in $some; do
			say "$instance: replacing"
			door replace "$instance" && wait_ready "$instance" && continue
			failed="$failed $instance"
			[ "${1:-}" = anyway ] || return 1
		done
	done
	[ -z "$failed" ]
}

# The guide's list of when to roll back, over a window after the deployment.  A release
# that has no gate passes.
gate() {
	[ "$GATE" != off ] || return 0
	if ! door prosaas doctor --help 2>/dev/null | grep -q -e --gate; then
		say "there is no gate in this release"
		return 0
	fi
	say "the gate watches for $GATE_WINDOW"
	door gate "$GATE_WINDOW"
}

quote() { # TEXT: as a JSON string
	printf '"%s"' "$(printf '%s' "$1" | tr '\n\t' '  ' | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')"
}

# record FROM TO FROM_TARGET TO_TARGET ROLLBACK OUTCOME; nobody is told what has only begun.
# Returns 1 when it is not written.  After half a line (a full disk) a new one begins.
record() {
	written=0
	line=$(printf '{"at":%s,"by":%s,"from":%s,"to":%s,"from_target":%s,"to_target":%s,"rollback":%s,"outcome":%s,"notes":%s}' \
		"$(quote "$(date -u +%Y-%m-%dT%H:%M:%SZ)")" "$(quote "$DEPLOYED_BY")" "$(quote "$1")" "$(quote "$2")" \
		"$(quote "$3")" "$(quote "$4")" "$5" "$(quote "$6")" "$(quote "$NOTES")")
	[ -z "$(tail -c 1 "$DEPLOY_RECORD")" ] || echo >>"$DEPLOY_RECORD"
	if ! printf '%s\n' "$line" >>"$DEPLOY_RECORD"; then
		say "DEPLOY_RECORD=$DEPLOY_RECORD: not written: $line"
		written=1
	fi
	[ -n "$ALERT_WEBHOOK_URL" ] && [ "$6" != begun ] || return $written
	text=$(quote "prosaas $6: $1 -> $2 by $DEPLOYED_BY${NOTES:+ ($NOTES)}")
	curl -fsS -m 10 -o /dev/null -H 'Content-Type: application/json' \
		-d "{\"text\":$text,\"deployment\":$line}" "$ALERT_WEBHOOK_URL" ||
		say "ALERT_WEBHOOK_URL: not told"
	return $written
}

# The last line of the record that is no restart's.
last_line() { grep -v -e '"outcome":"restarted"' -e '"outcome":"RESTART' "$DEPLOY_RECORD" | tail -n 1; }

# cut_off: is that of a deployment that did not come to its end?
cut_off() { last_line | grep -q '"outcome":"begun"'; }

# sound NOW: the target that is known to work: NOW, but of a deployment that was cut off
# where it came from, of such a rollback where it went.
sound() {
	case $(cut_off && last_line) in
	'') echo "$1" ;;
	*'"rollback":true'*) last_line | field to_target ;;
	*) last_line | field from_target ;;
	esac
}
field() { sed -n 's/.*"'"$1"'":"\([^"]*\)".*/\1/p'; } # NAME

# way_back NOW: the target to go back to: what is sound if the last one was cut off, else
# what the last deployment to NOW replaced.  A restart is none, nor is a rollback: a
# second one goes further back, not to what the first one left.
way_back() {
	if cut_off; then
		sound "$1"
	else
		grep -F "\"to_target\":$(quote "$1"),\"rollback\":false" "$DEPLOY_RECORD" |
			grep -v '"outcome":"begun"' | field from_target | grep -vxF "$1" | tail -n 1
	fi
}
