"""The client with librdkafka, by confluent-kafka: see clients.go."""
import sys
import threading
import time

from confluent_kafka import Producer

servers, topic, partitions, every = sys.argv[1:5]
producer = Producer({"bootstrap.servers": servers})
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
warm_up = 200
warm = records = errors = slowest = 0


def produce(partition):
    measured, sent = warm >= warm_up, time.monotonic()

    def delivered(error, _):
        global warm, records, errors, slowest
        if error is not None:
            errors += 1
            print("librdkafka:", error, file=sys.stderr)
        if measured:
            records += 1
            slowest = max(slowest, time.monotonic() - sent)
        else:
            warm += 1
            if warm == warm_up:
                print("ready", flush=True)

    producer.produce(topic, bytes(100), partition=partition, on_delivery=delivered)


n = 0
while not ended.is_set():
    produce(n % int(partitions))
    n += 1
    producer.poll(0)
    time.sleep(int(every) / 1000)
while producer.flush(1) > 0:
    pass
print(records, errors, int(slowest * 1000), flush=True)
