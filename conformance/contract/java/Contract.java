import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

/** The contract's cases with Apache Kafka's Java clients. Arguments: address, prefix of topics. */
public class Contract {
    static String addr, prefix;

    static void say(String name, Object outcome) { System.out.println(name + "\t" + outcome); }

    static String name(Throwable e) {
        return (e instanceof ExecutionException ? e.getCause() : e).getClass().getSimpleName();
    }

    static String create(Admin admin, String name, Map<String, String> configs) {
        try {
            admin.createTopics(List.of(new NewTopic(prefix + name, 1, (short) 1).configs(configs)))
                .all().get();
            return "ok";
        } catch (Exception e) {
            return name(e);
        }
    }

    static KafkaProducer<byte[], byte[]> producer(String... more) {
        Properties p = new Properties();
        p.put("bootstrap.servers", addr);
        p.put("linger.ms", "200");
        p.put("batch.size", "1000000");
        p.put("delivery.timeout.ms", "10000");
        p.put("request.timeout.ms", "5000");
        for (int i = 0; i < more.length; i += 2) p.put(more[i], more[i + 1]);
        return new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer());
    }

    static ProducerRecord<byte[], byte[]> record(String name, Long timestamp, byte[] value) {
        return new ProducerRecord<>(prefix + name, 0, timestamp, null, value);
    }

    static String produce(Producer<byte[], byte[]> p, List<ProducerRecord<byte[], byte[]>> records)
            throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (ProducerRecord<byte[], byte[]> r : records) sent.add(p.send(r));
        int failed = 0;
        String first = "";
        for (Future<RecordMetadata> f : sent) {
            try {
                f.get();
            } catch (Exception e) {
                if (failed++ == 0) first = name(e);
            }
        }
        return failed == 0 ? "ok" : failed + " of " + records.size() + " " + first;
    }

    static List<byte[]> consume(String name, int count, long patienceMs) {
        Properties p = new Properties();
        p.put("bootstrap.servers", addr);
        p.put("enable.auto.commit", "false");
        List<byte[]> values = new ArrayList<>();
        try (KafkaConsumer<byte[], byte[]> c = new KafkaConsumer<>(p, new ByteArrayDeserializer(),
                new ByteArrayDeserializer())) {
            TopicPartition tp = new TopicPartition(prefix + name, 0);
            c.assign(List.of(tp));
            c.seek(tp, 0);
            long end = System.currentTimeMillis() + patienceMs;
            while (values.size() < count && System.currentTimeMillis() < end)
                for (ConsumerRecord<byte[], byte[]> r : c.poll(Duration.ofMillis(500)))
                    values.add(r.value());
        }
        return values;
    }

    static Object offsetAt(Admin admin, String name, OffsetSpec spec) throws Exception {
        TopicPartition tp = new TopicPartition(prefix + name, 0);
        return admin.listOffsets(Map.of(tp, spec)).partitionResult(tp).get().offset();
    }

    public static void main(String[] args) throws Exception {
        addr = args[0];
        prefix = args[1] + "-java-";
        Admin admin = Admin.create(Map.of("bootstrap.servers", addr));
        byte[] v = {'v'};
        long now = System.currentTimeMillis();
        create(admin, "compacted", Map.of("cleanup.policy", "compact"));
        say("a null key in a compacted topic", produce(producer(), List.of(
            record("compacted", now, v))));
        say("some null keys in a compacted topic", produce(producer(), List.of(
            new ProducerRecord<>(prefix + "compacted", 0, now, v, v), record("compacted", now, v))));
        create(admin, "times", Map.of());
        say("records 3 s, 1 s, 2 s old", produce(producer(), List.of(record("times", now - 3000, v),
            record("times", now - 1000, v), record("times", now - 2000, v))));
        say("the offset 2.5 s ago", offsetAt(admin, "times", OffsetSpec.forTimestamp(now - 2500)));
        say("the offset of the largest time", offsetAt(admin, "times", OffsetSpec.maxTimestamp()));
        say("a record two hours ahead", produce(producer(), List.of(
            record("times", now + 7200000, v))));
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            create(admin, codec, Map.of());
            List<ProducerRecord<byte[], byte[]>> sent = new ArrayList<>();
            for (int i = 0; i < 200; i++)
                sent.add(record(codec, now, (i + " ").repeat(2000).getBytes()));
            String outcome = produce(producer("compression.type", codec), sent);
            List<byte[]> got = consume(codec, sent.size(), 20000);
            boolean same = got.size() == sent.size();
            for (int i = 0; same && i < sent.size(); i++)
                same = Arrays.equals(got.get(i), sent.get(i).value());
            say("200 records, " + codec, outcome + ", " + (same ? "identical" : "not identical"));
        }
        String[][] levels = {{"gzip", "9"}, {"lz4", "17"}, {"zstd", "22"}};
        for (String[] level : levels)
            say(level[0] + " at level " + level[1], produce(producer("compression.type", level[0],
                "compression." + level[0] + ".level", level[1]), List.of(
                record(level[0], now, new byte[900000]))));

        create(admin, "again", Map.of());
        Producer<byte[], byte[]> silent = producer("acks", "0", "enable.idempotence", "false");
        produce(silent, List.of(record("again", now, v)));
        admin.deleteTopics(List.of(prefix + "again")).all().get();
        while (!create(admin, "again", Map.of()).equals("ok")) Thread.sleep(100);
        String arrived = "lost";
        long end = System.currentTimeMillis() + 15000;
        while (System.currentTimeMillis() < end && arrived.equals("lost")) {
            produce(silent, List.of(record("again", now, v)));
            if (!consume("again", 1, 1000).isEmpty()) arrived = "arrive";
        }
        say("acks=0 to a topic that was created again: later records", arrived);
        say("a name that collides", List.of(create(admin, "a.b", Map.of()),
            create(admin, "a_b", Map.of())));
        System.exit(0);
    }
}
