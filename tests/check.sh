#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every check there is, in the order in which a failure is cheapest to find.
# What failed is listed at the end; the last line counts: N passed, N failed,
# N skipped.
set -u
cd "$(dirname "$0")/.." || exit 1

passed=0 failed=0 skipped=0
jobs=$(nproc)
log=$(mktemp) failures=$(mktemp)
trap 'rm -f "$log" "$failures"' EXIT

# count NAME COMMAND...: a step that is one pass or one failure, unless its
# output ends in "N passed, N failed[, N skipped]", which is then added up.
count() {
	name=$1
	shift
	start=$(date +%s)
	echo "== $name"
	"$@" >"$log" 2>&1
	rc=$?
	took=$(($(date +%s) - start))
	line=$(grep -E '^([a-z0-9 -]+: )?[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
	if [ -n "$line" ]; then
		line=${line##*: }
		p=${line%% passed*}
		f=$(echo "$line" | sed -E 's/.* ([0-9]+) failed.*/\1/')
		s=$(echo "$line" | sed -nE 's/.* ([0-9]+) skipped.*/\1/p')
		# A step that fails without counting a failure is one.
		[ "$rc" -eq 0 ] || [ "$f" -gt 0 ] || f=1
	elif [ "$rc" -eq 0 ]; then
		p=1 f=0 s=0
	else
		p=0 f=1 s=0
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + ${s:-0}))
	if [ "$f" -gt 0 ]; then
		cat "$log"
		{
			echo "$name: $f failed"
			grep -E '(^|: )FAILED' "$log"
		} >>"$failures"
	fi
	echo "   $p passed, $f failed, ${s:-0} skipped in ${took}s"
}

count "build with gcc" make -j"$jobs" build
count "build with clang" make -j"$jobs" CC=clang build
count "unit tests under address and undefined sanitizers" \
	make -j"$jobs" SAN=address,undefined unit
count "lint" make -j"$jobs" lint
count "fuzz, a short run" make -j"$jobs" FUZZ_SECONDS=5 fuzz
if [ -x tests/e2e/run ]; then
	count "end-to-end and attacks" tests/e2e/run
fi

cat "$failures"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
