"""The contract's cases with librdkafka, by confluent-kafka. Arguments: address, prefix of topics."""
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

addr, prefix = sys.argv[1], sys.argv[2] + "-librdkafka-"
admin = AdminClient({"bootstrap.servers": addr})


def say(case, outcome):
    print(f"{case}\t{outcome}", flush=True)


def attempt(future):
    try:
        future.result(20)
        return "ok"
    except KafkaException as e:
        return e.args[0].name()


def create(name, config=None):
    topic = NewTopic(prefix + name, 1, 1, config=config or {})
    return attempt(admin.create_topics([topic])[prefix + name])


def producer(**config):
    settings = {"bootstrap.servers": addr, "linger.ms": 200, "message.timeout.ms": 10000}
    settings.update({k.replace("_", "."): v for k, v in config.items()})
    return Producer(settings)


def produce(p, name, *records):
    errors = []
    for record in records:
        p.produce(prefix + name, partition=0, on_delivery=lambda e, m: errors.append(e), **record)
    p.flush(20)
    failed = [e.name() for e in errors if e is not None]
    return "ok" if not failed else f"{len(failed)} of {len(records)} {failed[0]}"


def consume(name, count, patience=20.0):
    c = Consumer({"bootstrap.servers": addr, "group.id": "none", "enable.auto.commit": False})
    c.assign([TopicPartition(prefix + name, 0, 0)])
    values, end = [], time.time() + patience
    while len(values) < count and time.time() < end:
        for m in c.consume(1000, 0.5):
            if m.error() is None:
                values.append(m.value())
    c.close()
    return values


def offset_at(name, spec):
    where = TopicPartition(prefix + name, 0)
    return admin.list_offsets({where: spec})[where].result(20).offset


now = int(time.time() * 1000)
create("compacted", {"cleanup.policy": "compact"})
say("a null key in a compacted topic", produce(producer(), "compacted", {"value": b"v"}))
create("times")
ages = [3000, 1000, 2000]
say("records 3 s, 1 s, 2 s old",
    produce(producer(), "times", *[{"value": b"v", "timestamp": now - age} for age in ages]))
say("the offset 2.5 s ago", offset_at("times", OffsetSpec.for_timestamp(now - 2500)))
say("the offset of the largest time", offset_at("times", OffsetSpec.max_timestamp()))
say("a record two hours ahead",
    produce(producer(), "times", {"value": b"v", "timestamp": now + 7200000}))
for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
    create(codec)
    sent = [(b"%d " % i) * 2000 for i in range(200)]
    outcome = produce(producer(**{"compression_type": codec}), codec, *[{"value": v} for v in sent])
    same = "identical" if consume(codec, len(sent)) == sent else "not identical"
    say(f"200 records, {codec}", f"{outcome}, {same}")
create("again")
silent = producer(acks=0)
produce(silent, "again", {"value": b"before"})
attempt(admin.delete_topics([prefix + "again"])[prefix + "again"])
while create("again") != "ok":
    time.sleep(0.1)
end, arrived = time.time() + 15, "lost"
while time.time() < end and arrived == "lost":
    produce(silent, "again", {"value": b"after"})
    if consume("again", 1, 1.0):
        arrived = "arrive"
say("acks=0 to a topic that was created again: later records", arrived)
say("a name that collides", [create("a.b"), create("a_b")])
