# shellcheck shell=sh
# SPDX-License-Identifier: MIT
# lib.sh: what roll.sh, restart.sh and rollback.sh share.  They source it.
#
# They know no systemd and no compose: a door does.  DOOR is a program:
#
#   list ROLE          its instances, one a line        (role: api, worker, scheduler)
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
# DEPLOY_RECORD    the file that each deployment is appended to, a JSON object a line
# ALERT_WEBHOOK_URL    told of each, if set (as {"text": ...}; needs curl)
# DEPLOYED_BY, NOTES   who and why, for the record

: "${DOOR:=$here/door-systemd}" "${READY_TIMEOUT:=60}" "${GATE:=on}" "${GATE_WINDOW:=5m}"
: "${DEPLOY_RECORD:=/var/lib/prosaas/deployments.jsonl}" "${NOTES:=}"
: "${DEPLOYED_BY:=${SUDO_USER:-$(id -un)}}"
ROLES="api worker scheduler"

say() { printf '%s %s\n' "$(date -u +%H:%M:%S)" "$*" >&2; }
stop_with() { # NUMBER WORDS...
	code=$1
	shift
	say "${0##*/}: $*"
	exit "$code"
}
door() { "$DOOR" "$@"; }

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

# replace_all: every instance, one after the other; stops at the first that fails.
replace_all() {
	for role in $ROLES; do
		for instance in $(door list "$role"); do
			say "$instance: replacing"
			door replace "$instance" && wait_ready "$instance" || return 1
		done
	done
}

# The guide's list of when to roll back, over a window after the deployment.  A release
# that has no gate passes.
gate() {
	[ "$GATE" != off ] || return 0
	door prosaas doctor --help 2>/dev/null | grep -q -e --gate || return 0
	say "the gate watches for $GATE_WINDOW"
	door gate "$GATE_WINDOW"
}

quote() { # TEXT: as a JSON string
	printf '"%s"' "$(printf '%s' "$1" | tr '\n\t' '  ' | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')"
}

# record FROM TO FROM_TARGET TO_TARGET ROLLED_BACK OUTCOME
record() {
	line=$(printf '{"at":%s,"by":%s,"from":%s,"to":%s,"from_target":%s,"to_target":%s,"rollback":%s,"outcome":%s,"notes":%s}' \
		"$(quote "$(date -u +%Y-%m-%dT%H:%M:%SZ)")" "$(quote "$DEPLOYED_BY")" "$(quote "$1")" "$(quote "$2")" \
		"$(quote "$3")" "$(quote "$4")" "$5" "$(quote "$6")" "$(quote "$NOTES")")
	printf '%s\n' "$line" >>"$DEPLOY_RECORD" || say "DEPLOY_RECORD=$DEPLOY_RECORD: not written: $line"
	[ -n "${ALERT_WEBHOOK_URL:-}" ] || return 0
	text=$(quote "prosaas $6: $1 -> $2 by $DEPLOYED_BY${NOTES:+ ($NOTES)}")
	curl -fsS -m 10 -o /dev/null -H 'Content-Type: application/json' \
		-d "{\"text\":$text,\"deployment\":$line}" "$ALERT_WEBHOOK_URL" ||
		say "ALERT_WEBHOOK_URL: not told"
}

# The target before the last deployment, from its record.
target_before() {
	[ -r "$DEPLOY_RECORD" ] || return 0
	sed -n '$s/.*"from_target":"\([^"]*\)".*/\1/p' "$DEPLOY_RECORD"
}
