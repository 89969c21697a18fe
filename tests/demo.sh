#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The main job on this machine: a sandbox, a denial, a policy, an allowed read,
# a denied write, the log, and nothing left behind.
#
# First in a small Internet of its own (tests/world), which needs root for its
# network namespace and nothing from outside; the sandbox itself is the calling
# user's.  Then, where api.github.com answers, for real.
set -eu
cd "$(dirname "$0")/.."
tree=$(pwd)

if [ "${1:-}" != "--inside" ]; then
	me=$(id -un)
	# What the world is made from must be readable for an ordinary user too.
	if [ "$(id -u)" -eq 0 ]; then
		python3 tests/world/world.py --as "$me" -- "$tree/tests/demo.sh" --inside
	else
		sudo python3 "$tree/tests/world/world.py" --as "$me" -- \
			"$tree/tests/demo.sh" --inside
	fi
	if curl -sS --max-time 5 -o /dev/null https://api.github.com/zen 2>/dev/null; then
		echo
		echo "api.github.com answers from here: the same again, for real."
		"$tree/tests/demo.sh" --inside
	else
		echo
		echo "No Internet here: the demo ran against its own api.github.com."
	fi
	exit 0
fi

# Directories of the demo's own: it leaves yours alone.
base=$(mktemp -d /tmp/openshell-demo.XXXXXX)
for what in RUNTIME STATE CONFIG; do
	dir="$base/$what"
	mkdir -m 700 "$dir"
	export "OPENSHELL_${what}_DIR=$dir"
done
[ -z "${WORLD:-}" ] || cp "$WORLD/ca.pem" "$base/CONFIG/upstream-ca.pem"
PATH="$tree/build/debug/bin:$PATH"

end() {
	openshell sandbox delete --all >/dev/null 2>&1 || true
	openshell gateway stop >/dev/null 2>&1 || true
	rm -rf "$base"
}
trap end EXIT

if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi
step() { printf '\n%s== %s%s\n' "$bold" "$1" "$plain"; }
show() { printf '%s$ %s%s\n' "$bold" "$*" "$plain"; "$@"; }
fail() { echo "demo FAILED: $1" >&2; exit 1; }
# inside COMMAND...: in the sandbox; what it says, errors too.
inside() { openshell sandbox exec -n demo --no-tty -- "$@" </dev/null 2>&1; }

# Everything that a sandbox could leave on this machine.
remains() {
	cat /proc/self/mountinfo
	find /sys/fs/cgroup -name 'openshell-*' 2>/dev/null | sort
	for p in /proc/[0-9]*; do
		case $(tr '\0' ' ' <"$p/cmdline" 2>/dev/null) in
		*supervisord*) echo "process ${p#/proc/}" ;;
		esac
	done
	find "$base" ! -name '*.db-*' ! -name 'last_sandbox' ! -name 'openshell.db' |
		sort
}

step "A sandbox: the first command starts a gateway"
show openshell sandbox create --name warm-up --no-keep -- true
remains >/tmp/openshell-demo.before.$$
show openshell sandbox create --name demo --keep --no-auto-providers --no-tty \
	-- echo "sandbox ready"

step "Nothing is allowed: the proxy answers 403 to CONNECT"
echo '$ curl -sS https://api.github.com/zen'
said=$(inside curl -sS --max-time 10 https://api.github.com/zen) && fail "it was allowed"
echo "$said"
case $said in
*"curl: (56)"*403*) ;;
*) fail "the denial is not curl's error 56 with 403" ;;
esac

step "A policy: curl may read GitHub's API"
sed -n '/^network_policies/,$p' policies/examples/quickstart.yaml
start=$(date +%s%N)
show openshell policy set demo --policy policies/examples/quickstart.yaml --wait
took=$((($(date +%s%N) - start) / 1000000))
echo "in force after $took ms"
[ "$took" -lt 1000 ] || fail "that took more than a second"

step "The same read is allowed"
echo '$ curl -sS https://api.github.com/zen'
inside curl -sS --max-time 20 https://api.github.com/zen || fail "it was not allowed"
echo

step "A write is not, and the answer says why"
echo '$ curl -sS -X POST https://api.github.com/repos/octocat/hello-world/issues'
said=$(inside curl -sS --max-time 20 -X POST -d '{"title":"hello"}' \
	https://api.github.com/repos/octocat/hello-world/issues)
echo "$said"
echo "$said" | python3 -c '
import json, sys
body = json.load(sys.stdin)
assert body["error"] == "policy_denied", body
assert body["detail"] == ("POST /repos/octocat/hello-world/issues "
                          "not permitted by policy"), body
' || fail "the answer is not the one that was promised"

step "The log has both"
sleep 0.5
show openshell logs demo --since 1m -n 10
openshell logs demo --level warn -n 10 | grep -q 'CONNECT.*action=deny' ||
	fail "the denied connection is not in the log"
openshell logs demo --level warn -n 10 | grep -q 'L7_REQUEST.*l7_decision=deny' ||
	fail "the denied request is not in the log"

step "Deleted, it leaves no process, mount, cgroup, socket or file"
show openshell sandbox delete demo
i=0
until remains >/tmp/openshell-demo.after.$$ &&
	cmp -s /tmp/openshell-demo.before.$$ /tmp/openshell-demo.after.$$; do
	i=$((i + 1))
	[ $i -lt 50 ] || {
		diff /tmp/openshell-demo.before.$$ /tmp/openshell-demo.after.$$ || true
		fail "something is left"
	}
	sleep 0.1
done
echo "before and after are the same: $(wc -l </tmp/openshell-demo.after.$$) lines compared"
rm -f /tmp/openshell-demo.before.$$ /tmp/openshell-demo.after.$$

step "Demo complete"
