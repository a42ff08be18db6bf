#!/usr/bin/env bash
# Debian's kcat (librdkafka) against a dev cluster of real processes.
#
#   conformance/kcat.sh                    all sections
#   conformance/kcat.sh brokers lines      only these
#
# It starts its own cluster and stops it. Parameters, from the environment:
#   BASE_PORT  Kafka port of node 1 (21092); the cluster also uses +100, +200, +300
#   DIR        directory of the cluster (a temporary one, removed at the end unless KEEP=1)
#   BIN        the lockstep binary (built if not given)
#   RECORDS    lines of the big round trips (100000)
#   FREEZE     seconds for which nodes are frozen (60)
#
# kcat itself gives up when it can reach no node at all, so killing all three at
# once is a case of conformance/pauses, which also measures the pauses after
# faults.
#
# Prints a line per check; the exit code is 1 if one failed.
# Needs: kcat, go, awk, cmp.
set -u -o pipefail
cd "$(dirname "$0")/.." || exit 2

BASE_PORT=${BASE_PORT:-21092}
LINES_N=${RECORDS:-100000}
FREEZE=${FREEZE:-60}
SECTIONS=("$@")
BOOTSTRAP=127.0.0.1:$BASE_PORT,127.0.0.1:$((BASE_PORT + 1)),127.0.0.1:$((BASE_PORT + 2))

work=$(mktemp -d)
DIR=${DIR:-$work/cluster}
failed=0 supervisor=

ok() { echo "ok      $*"; }
bad() { echo "FAILED  $*"; failed=1; }
# check WHAT COMMAND...: succeeds if the command does.
check() {
  local what=$1
  shift
  if "$@" > "$work/check.out" 2>&1; then ok "$what"; else bad "$what"; sed 's/^/        /' "$work/check.out" | head -20; fi
}

finish() {
  [ -n "$supervisor" ] && kill "$supervisor" 2> /dev/null && wait "$supervisor" 2> /dev/null
  if [ -n "${KEEP:-}" ]; then echo "kept $work"; else rm -rf "$work"; fi
}
trap finish EXIT
trap 'exit 1' INT TERM

start() {
  if [ -z "${BIN:-}" ]; then
    BIN=$work/lockstep
    go build -o "$BIN" ./cmd/lockstep || exit 2
  fi
  "$BIN" dev --base-port "$BASE_PORT" --dir "$DIR" --fresh --supervise=false \
    --override num.partitions=3 > "$work/dev.out" 2>&1 &
  supervisor=$!
  until grep -qx ready "$work/dev.out"; do
    kill -0 "$supervisor" 2> /dev/null || { cat "$work/dev.out"; exit 2; }
    sleep 0.2
  done
}

# --- small helpers ---

K() { kcat -b "$BOOTSTRAP" "$@"; }
# Producers wait for longer than a freeze lasts.
P() { K -P -X acks=all -X message.timeout.ms=300000 "$@"; }
# C TOPIC [option...]: all records from the beginning to the end.
C() { local t=$1; shift; K -C -t "$t" -e -q "$@"; }
pid() { pgrep -f -- "serve --config $DIR/node-$1/server.properties"; }
# leader TOPIC: the node that leads partition 0.
leader() { K -L -t "$1" 2> /dev/null | awk '/partition 0,/ { sub(",", "", $4); print $4 }'; }
# lines FROM TO
lines() { seq -f "line-%.0f" "$1" "$2"; }
# paced SECONDS: all lines, evenly over so many seconds.
paced() {
  local parts=$(($1 * 10)) step i
  step=$((LINES_N / parts))
  for ((i = 0; i < parts; i++)); do
    lines $((i * step + 1)) $((i == parts - 1 ? LINES_N : (i + 1) * step))
    sleep 0.09
  done
}
# --- sections ---

brokers() {
  check "-L shows three brokers" awk '$1 == "broker" { n++ } END { exit n != 3 }' <(K -L)
}

# One partition keeps the order; of several partitions each keeps its own order.
lines_section() {
  lines 1 "$LINES_N" > "$work/in"
  check "$LINES_N lines to one partition: produced" P -t one -p 0 -l "$work/in"
  C one -p 0 > "$work/out"
  check "$LINES_N lines from one partition: identical" cmp "$work/in" "$work/out"
  # Keys spread lines over the partitions; the line number is the key.
  awk '{ print NR "\t" $0 }' "$work/in" > "$work/keyed"
  check "$LINES_N lines to three partitions: produced" P -t three -K '\t' -X partitioner=murmur2_random -l "$work/keyed"
  C three -f '%p %s\n' > "$work/out"
  check "from three partitions: none lost, none twice" cmp <(sort "$work/in") <(cut -d' ' -f2 "$work/out" | sort)
  check "from three partitions: each in order" awk '{ n = substr($2, 6) + 0; if (n <= last[$1]) exit 1; last[$1] = n; seen[$1] } END { if (length(seen) != 3) exit 1 }' "$work/out"
}

# kcat sends to leaders; this client does not.
forwarded() {
  check "through a node that leads nothing: in order, idempotent and not" \
    go run ./conformance/forward --base-port "$BASE_PORT" --records "$LINES_N"
  sed 's/^/        /' "$work/check.out"
}

# under NAME SECONDS FAULT...: produces idempotently for SECONDS, runs the fault
# after 3 s, and compares. One cmp shows losses, duplicates and changes of
# order.
under() {
  local name=$1 seconds=$2 t=fault-$RANDOM$RANDOM
  shift 2
  echo first | P -t "$t" -p 0 || { bad "$name: first record"; return; }
  { echo first; lines 1 "$LINES_N"; } > "$work/in"
  (sleep 3; "$@" "$t") > "$work/fault.out" 2>&1 &
  local fault=$!
  # If librdkafka asks a frozen node, it waits for its own timeouts first. They
  # keep their defaults, which users have.
  paced "$seconds" | P -t "$t" -p 0 -X enable.idempotence=true > "$work/produce.out" 2>&1
  local code=$?
  wait $fault || { bad "$name: $(cat "$work/fault.out")"; return; }
  if [ $code -ne 0 ]; then
    bad "$name: producer exit $code"
    tail -5 "$work/produce.out"
    return
  fi
  C "$t" -p 0 > "$work/out"
  check "$name: $LINES_N lines identical: none lost, none twice, in order" cmp "$work/in" "$work/out"
}

kill_leader() { kill -9 "$(pid "$(leader "$1")")"; }
stop_leader() { kill -TERM "$(pid "$(leader "$1")")"; }
freeze_node() {
  local p
  p=$(pid "$1") && kill -STOP "$p" && sleep "$FREEZE" && kill -CONT "$p"
}
freeze_leader() { freeze_node "$(leader "$1")"; }
freeze_follower() { freeze_node $(($(leader "$1") % 3 + 1)); }

killed() { under "leader killed with -9 and restarted" 15 kill_leader; }
stopped() { under "leader stopped with SIGTERM and restarted" 15 stop_leader; }
frozen_follower() { under "follower frozen for $FREEZE s" $((FREEZE + 10)) freeze_follower; }
frozen_leader() { under "leader frozen for $FREEZE s" $((FREEZE + 10)) freeze_leader; }

# compression, headers, keys, nulls, sizes, offsets and times
features() {
  local codec value
  value=$(printf 'compressible %.0s' {1..200})
  for codec in gzip snappy lz4 zstd; do
    yes "$value" | head -1000 | P -t "z-$codec" -p 0 -z "$codec"
    check "codec $codec" cmp <(yes "$value" | head -1000) <(C "z-$codec" -p 0)
  done
  echo 'k1:v1' | P -t features -p 0 -K : -H h1=x -H h2=y -H h2=z
  check "key and headers, repeated ones too" grep -qx 'k1 v1 h1=x,h2=y,h2=z' <(C features -p 0 -f '%k %s %h\n')
  printf 'k2:\n' | P -t features -p 0 -K : -Z
  check "null value" grep -qx 'k2 -1' <(C features -p 0 -o 1 -f '%k %S\n')
  head -c 900000 /dev/urandom > "$work/large"
  check "a record of 900 kB: produced" P -t large -p 0 "$work/large"
  C large -p 0 -D '' > "$work/out"
  check "a record of 900 kB: identical" cmp "$work/large" "$work/out"
  head -c 2000000 /dev/urandom > "$work/too-large"
  P -t large -p 0 -X message.max.bytes=5000000 "$work/too-large" > "$work/refused" 2>&1
  check "a record of 2 MB is refused: message size too large" grep -qi 'message size too large' "$work/refused"
  echo after | P -t large -p 0
  check "records after it are taken" grep -qx after <(C large -p 0 -o 1)

  lines 1 100 | P -t seek -p 0
  check "the last five (-o -5)" cmp <(lines 96 100) <(C seek -p 0 -o -5)
  sleep 1.1
  local at=$(($(date +%s%3N)))
  sleep 1.1
  lines 101 110 | P -t seek -p 0
  check "from a time (-o s@)" cmp <(lines 101 110) <(C seek -p 0 -o "s@$at")
  check "offset of a time (-Q)" grep -q 'seek \[0\] offset 100$' <(K -Q -t "seek:0:$at")
  check "offset of the start and the end (-Q)" cmp <(printf 'seek [0] offset 0\nseek [0] offset 110\n') <(K -Q -t seek:0:-2; K -Q -t seek:0:-1)
}

# G GROUP SECONDS OUT: a member of a group for that long, eager like librdkafka's default.
G() { timeout "$2" kcat -b "$BOOTSTRAP" -G "$1" -X auto.offset.reset=earliest grouped > "$3" 2> "$3.err"; }

# Two members share three partitions; one of them leaves. Later another one goes on where they ended.
groups() {
  lines 1 "$LINES_N" > "$work/in"
  check "$LINES_N lines for a group: produced" P -t grouped -K : -X partitioner=random -l <(sed 's/.*/&:&/' "$work/in")
  G g 12 "$work/member1" &
  G g 25 "$work/member2"
  wait %% 2> /dev/null
  check "two members of a group: none lost" cmp <(sort "$work/in") <(sort -u "$work/member1" "$work/member2")
  check "both members had partitions" test -s "$work/member1" -a -s "$work/member2"
  check "none of it twice but what was not committed" awk -v most="$LINES_N" 'END { exit NR > most * 1.1 }' "$work/member1" "$work/member2"
  echo after:after | P -t grouped -K :
  G g 10 "$work/member3"
  check "a later member goes on at the committed offsets" cmp <(echo after) "$work/member3"
}

# librdkafka's complaints while nothing is wrong.
quiet() {
  lines 1 1000 | P -t quiet -d broker,protocol,topic,metadata,feature > "$work/debug" 2>&1
  check "no errors or retries in librdkafka's log" awk '/ERROR|FAIL\||RETRY|Unsupported|isconnected/ && !/_DESTROY/ { print; n++ } END { exit n > 0 }' "$work/debug"
}

start
for section in ${SECTIONS[@]:-brokers lines forwarded features groups quiet killed stopped frozen_follower frozen_leader}; do
  [ "$section" = lines ] && section=lines_section
  "$section"
done
exit $failed
