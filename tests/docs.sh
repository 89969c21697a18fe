#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs.sh BUILD write: docs/*.varlink from the method tables.
# docs.sh BUILD check: fails if they aren't what the tables say.
set -eu
build=$1
if [ "$2" = write ]; then
	mkdir -p docs
	exec "$build/tools/describe" docs
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$build/tools/describe" "$work"
bad=0
for name in $(ls docs "$work" | grep '\.varlink$' | sort -u); do
	diff -u -N "docs/$name" "$work/$name" || bad=1
done
[ "$bad" -eq 0 ] || echo "docs/*.varlink differ: run make docs" >&2
exit "$bad"
