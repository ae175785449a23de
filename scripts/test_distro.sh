#!/usr/bin/env bash
# scripts/test.sh on another release of Debian, from its bare system on, in a folder that debootstrap makes.
#
#   scripts/test_distro.sh [--user] SUITE FOLDER [OPTION...]
#
# What is committed is tested. OPTIONs go to scripts/test.sh. With --user all but the making of the folder is
# done by an ordinary user with sudo, whose tests of several hosts and of Slurm then skip, as they need
# root. FOLDER stays: the same command again takes the newest commit and builds on. Needs root. As
# everywhere, SPHEREFACE_SHARED names research data that some tests need.
#
#   scripts/test_distro.sh trixie /var/tmp/trixie
set -euo pipefail

usage() { sed -n '/^#   scripts/ { s/^# *//; p; q }' "$0"; }
wrong() { echo "test_distro.sh: $*" >&2; exit 2; }

user=root
if [ "${1:-}" = --user ]; then
  user=tester
  shift
fi
[ $# -ge 2 ] || wrong "$(usage)"
suite=$1
mkdir -p "$2"
folder=$(realpath "$2")
shift 2
[ "$(id -u)" -eq 0 ] || wrong "needs root, to make another system's folder and enter it"
root=$(realpath "$(dirname "$0")/..")
shared=$(realpath -m "${SPHEREFACE_SHARED:-$root/../shared}")
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

# From where this machine has its own packages.
mirror=$(apt-get indextargets --format '$(REPO_URI)' | grep -v security | sort | uniq -c | sort -rn |
  awk 'NR == 1 { print $2 }')
if [ ! -e "$folder/.complete" ]; then
  command -v debootstrap >/dev/null || apt-get install -y -qq debootstrap >/dev/null
  debootstrap --variant=minbase --include=ca-certificates,sudo "$suite" "$folder" "${mirror:-http://deb.debian.org/debian}"
  chroot "$folder" useradd --create-home tester
  echo 'tester ALL=(ALL) NOPASSWD: ALL' >"$folder/etc/sudoers.d/tester"
  touch "$folder/.complete"
fi

# A clean checkout beside the build of the last time.
source=$folder/home/tester/$user/sphereface
mkdir -p "$source" "$folder/shared"
find "$source" -mindepth 1 -maxdepth 1 -not -name build -exec rm -rf {} +
git -C "$root" archive HEAD | tar -x -C "$source"
chroot "$folder" chown -R "$user" "/home/tester/$user"

# Mounts and processes of its own, which end with it.
cat >"$folder/run.sh" <<END
set -euo pipefail
cd /home/tester/$user/sphereface
. /etc/os-release
echo "== \$PRETTY_NAME, as \$(id -un)"
[ ! -e /shared/README.md ] || export SPHEREFACE_SHARED=/shared
exec scripts/test.sh "\$@"
END
export FOLDER=$folder SHARED=$shared RUN_AS=$user
exec unshare --mount --pid --fork --kill-child bash -euc '
  mount --make-rprivate /
  # `ip netns`, of the tests over several hosts, wants a root that is a mount.
  mount --bind "$FOLDER" "$FOLDER"
  mount -t proc proc "$FOLDER/proc"
  mount --rbind /dev "$FOLDER/dev"
  mount --rbind /sys "$FOLDER/sys"
  [ ! -d "$SHARED" ] || mount --bind "$SHARED" "$FOLDER/shared"
  cp /etc/resolv.conf "$FOLDER/etc/resolv.conf"
  cp /etc/hosts "$FOLDER/etc/hosts"
  exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/home/tester \
    LC_ALL=C.UTF-8 TERM=dumb http_proxy="${http_proxy:-}" \
    chroot --userspec="$RUN_AS" "$FOLDER" bash /run.sh "$@"' bash "$@"
