#!/usr/bin/env bash
# Fuzzes every target of the module, one after the other, each for FUZZTIME, as
# `go test -fuzztime` takes it: 3s, 10m, 1000x. FUZZ narrows them down to those
# whose name holds it. With FUZZSEEDS=1 each begins with its seeds alone, and not
# with all that earlier runs found interesting, which a short run does not get
# through. An input that fails is written to testdata/fuzz next to the target: repair the
# code, and commit that file with the repair.
set -euo pipefail
cd "$(dirname "$0")/../.."

time=${FUZZTIME:-3m}
tags=${TAGS:?the build tags, as the Makefile has them}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
log=$folder/log
corpus=()
if [ -n "${FUZZSEEDS:-}" ]; then
	corpus=(-args "-test.fuzzcachedir=$folder/corpus") # comes behind go test's own
fi

# go test would build the tests of all packages to find those that have targets,
# so grep says where to look; which targets there are says go test.
(grep -rl --include='*_test.go' '^func Fuzz' . || true) | xargs -r -n1 dirname | sort -u >"$log"
mapfile -t packages <"$log"
if [ "${#packages[@]}" -eq 0 ]; then
	echo "no fuzz targets" >&2
	exit 1
fi

# failed reports whether the run that is in the log found something. Go before
# 1.27 may take its own deadline for a failure of the target, and then says this
# and nothing else.
failed() {
	! sed -n '/^--- FAIL/,/^FAIL/p' "$log" | sed '1s/ (.*//' |
		cmp -s - <(printf -- '--- FAIL: %s\n    context deadline exceeded\nFAIL\n' "$1")
}

count=0
for package in "${packages[@]}"; do
	targets=$(go test -tags "$tags" -list '^Fuzz' "$package" | grep '^Fuzz' || true)
	if [ -z "$targets" ]; then
		echo "$package has fuzz targets, and go test lists none" >&2
		exit 1
	fi
	for target in $targets; do
		[[ $target == *"${FUZZ:-}"* ]] || continue
		count=$((count + 1))
		echo "== $package $target"
		rm -rf "$folder/corpus"
		if ! go test -tags "$tags" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 100x "$package" \
			"${corpus[@]}" </dev/null 2>&1 | tee "$log" && failed "$target"; then
			exit 1
		fi
	done
done
if [ "$count" -eq 0 ]; then
	echo "no fuzz target was run" >&2
	exit 1
fi
echo "$count fuzz targets, $time each"
