#!/usr/bin/env bash
# Runs the unit file that ships (cmd/lockstep/lockstep.service) under systemd: its broker is started,
# left alone for two watchdog times, frozen with SIGSTOP, and stopped. systemd must say that it runs
# only after READY=1, start the frozen broker again within 10 s, and not kill the others.
#
#   conformance/frozen/unit.sh [BASE_PORT]
#
# Needs root, Go, and Debian's systemd; it need not be the system's init. A user instance runs in a
# mount namespace of its own.
set -eu
cd "$(dirname "$0")/../.."
if [ "${1:-}" != --inside ]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    go build -o "$work/lockstep" ./cmd/lockstep
    unshare --mount "$0" --inside "$work" "${1:-21690}"
    exit
fi
work=$2 port=$3
units=$work/.config/systemd/user
mkdir -p "$work/data" "$units/lockstep.service.d" "$work/run"
chmod 700 "$work/run"
cp cmd/lockstep/lockstep.service "$units"
cat >"$units/lockstep.service.d/here.conf" <<U
[Service]
ExecStart=
ExecStart=$work/lockstep serve --config $work/server.properties
User=
StandardError=append:$work/log
U
cat >"$work/server.properties" <<P
node.id=1
cluster.id=000102030405060708090a0b0c0d0e0f
log.dirs=$work/data
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port
control.listener=127.0.0.1:$((port + 1))
replication.listener=127.0.0.1:$((port + 2))
wal.segment.bytes=1048576
wal.budget.bytes=16777216
P
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system # systemd asks for it
export XDG_RUNTIME_DIR=$work/run HOME=$work
systemd=$(command -v systemd || echo /lib/systemd/systemd)
SYSTEMD_LOG_TARGET=console "$systemd" --user >"$work/systemd.log" 2>&1 &
manager=$!
trap 'kill $manager; wait $manager || true' EXIT

fail() {
    echo "FAILED: $1" >&2
    cat "$work/systemd.log" "$work/log" >&2
    exit 1
}
show() { systemctl --user show lockstep -p "$1" --value; }
await() { # SECONDS COMMAND...
    local end=$(($(date +%s) + $1))
    shift
    until "$@"; do
        [ "$(date +%s)" -lt "$end" ] || return 1
        sleep 0.1
    done
}

await 10 test -S "$work/run/systemd/private" || fail "the user instance does not start"
systemctl --user start lockstep || fail "the unit does not start"
grep -q 'msg="node started"' "$work/log" || fail "it was ready before it served"
pid=$(show MainPID)
sleep 8
[ "$(show MainPID)" = "$pid" ] || fail "a healthy broker was started again"
echo "started, and left alone for 8 s: $(show ActiveState), restarts: $(show NRestarts)"

began=$(date +%s%N)
kill -STOP "$pid"
restarted() { [ "$(show NRestarts)" = 1 ] && [ "$(show ActiveState)" = active ]; }
await 30 restarted || fail "the frozen broker was not started again"
took=$((($(date +%s%N) - began) / 1000000))
echo "frozen: killed by the watchdog, started again and ready after $took ms"
[ "$took" -lt 10000 ] || fail "that is too long"

systemctl --user stop lockstep || fail "it does not stop"
grep -q 'msg="node stopped"' "$work/log" || fail "it did not stop cleanly"
echo "stopped: $(show ActiveState), $(show Result)"
