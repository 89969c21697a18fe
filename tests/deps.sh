#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what the build and the tests need from Debian, only what is missing,
# and says what it does.  As root, or with sudo.
set -eu

packages="
gcc make pkg-config libc6-dev
libevent-dev libcjson-dev libssl-dev libyaml-dev libsqlite3-dev
libseccomp-dev libnl-3-dev libnl-route-3-dev libnftnl-dev libmnl-dev
libsystemd-dev libnghttp2-dev libpcre2-dev libcmocka-dev
clang clang-format clang-tidy libclang-rt-14-dev
python3 python3-pytest nginx-light dnsmasq-base openssl ca-certificates
bubblewrap squid-openssl wrk hyperfine
curl git iproute2 sudo uidmap procps util-linux
"
# Any node will do: a machine may have one that is not Debian's.
command -v node >/dev/null 2>&1 || packages="$packages nodejs"
command -v npm >/dev/null 2>&1 || packages="$packages npm"

missing=""
for p in $packages; do
	case $(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null) in
	installed) ;;
	*) missing="$missing $p" ;;
	esac
done
[ -n "$missing" ] || exit 0

run=""
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null 2>&1 || {
		echo "missing packages:$missing" >&2
		echo "sudo is not there: install them as root with apt-get" >&2
		exit 1
	}
	run="sudo"
fi

echo "installing Debian packages:$missing"
# Tests start the servers they need; the system's own stay off.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | $run tee $policy >/dev/null
	$run chmod 755 $policy
	trap '$run rm -f $policy' EXIT
fi
$run apt-get update -qq
# shellcheck disable=SC2086
$run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	--no-install-recommends $missing >/dev/null
