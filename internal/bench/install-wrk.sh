#!/bin/sh
# Installs wrk where it is missing and may be. Else it says what to install and
# fails.
set -eu

command -v wrk >/dev/null && exit 0

install="apt-get install -y --no-install-recommends wrk"
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
	echo "The benchmarks need wrk, which this system has not." >&2
	echo "As root: $install" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update
$install
