#!/bin/sh
# Installs what the tests of pages need and the system has not: Chromium, and
# npm, which gets axe-core. Where it may not, it says what to install and fails.
set -eu

has() { command -v "$1" >/dev/null; }

missing=
if [ -z "${CHROMIUM:-}" ] && ! has chromium && ! has chromium-browser && ! has google-chrome; then
	missing=" chromium"
fi
has npm || missing="$missing npm"
[ -n "$missing" ] || exit 0

install="apt-get install -y --no-install-recommends$missing"
if [ "$(id -u)" -ne 0 ] || ! has apt-get; then
	echo "The tests need what this system has not:$missing" >&2
	echo "As root: $install" >&2
	echo "CHROMIUM may hold the path of another Chromium instead." >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update
$install
