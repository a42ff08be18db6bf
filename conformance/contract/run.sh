#!/usr/bin/env bash
# Compares Lockstep with Apache Kafka by the same programs: see README.md.
#
#   conformance/contract/run.sh [BASE_PORT]
#
# Needs Go, Maven, Java, and Python with confluent-kafka (PYTHON names the interpreter).
set -eu
cd "$(dirname "$0")/../.."
port=${1:-23092}
work=$(mktemp -d)
pids=
stop() {
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    for pid in $pids; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap stop EXIT

go build -o "$work/bin/" ./cmd/lockstep ./conformance/contract/raw ./conformance/contract/franz
(cd conformance/contract/sarama && go build -o "$work/bin/sarama" .)
mvn -q -B -f conformance/contract/java/pom.xml dependency:copy-dependencies \
    -DoutputDirectory="$work/jars"

"$work/bin/lockstep" dev --nodes 1 --base-port "$port" --dir "$work/lockstep" >"$work/lockstep.log" &
pids="$pids $!"

kafka=$((port + 300))
cat >"$work/kafka.properties" <<P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((kafka + 1))
listeners=PLAINTEXT://127.0.0.1:$kafka,CONTROLLER://127.0.0.1:$((kafka + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$kafka
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$work/kafka
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
P
java=(java -Xmx400m -cp "$work/jars/*" -Dorg.slf4j.simpleLogger.defaultLogLevel=error)
"${java[@]}" kafka.tools.StorageTool format -t "$("${java[@]}" kafka.tools.StorageTool \
    random-uuid)" -c "$work/kafka.properties" >"$work/format.log"
"${java[@]}" kafka.Kafka "$work/kafka.properties" >"$work/kafka.log" 2>&1 &
pids="$pids $!"

for p in "$port" "$kafka"; do
    for _ in $(seq 300); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; then continue 2; fi
        sleep 0.2
    done
    echo "nothing listens at port $p" >&2
    exit 1
done
go run ./conformance/contract --lockstep "127.0.0.1:$port" --apache "127.0.0.1:$kafka" \
    --bin "$work/bin" --jars "$work/jars" --python "${PYTHON:-python3}"
