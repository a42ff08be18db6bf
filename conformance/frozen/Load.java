import java.util.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The client with Apache Kafka's Java producer: see clients.go. */
public class Load {
    static final int WARM_UP = 200;
    static int warm, records, errors;
    static long slowest;
    static volatile boolean ended;

    static synchronized void acknowledged(boolean measured, long sent, Exception error) {
        if (error != null) {
            errors++;
            System.err.println("Java: " + error);
        }
        if (measured) {
            records++;
            slowest = Math.max(slowest, System.nanoTime() - sent);
        } else if (++warm == WARM_UP) {
            System.out.println("ready");
        }
    }

    static synchronized boolean isWarm() { return warm >= WARM_UP; }

    public static void main(String[] args) throws Exception {
        int partitions = Integer.parseInt(args[2]), every = Integer.parseInt(args[3]);
        Thread input = new Thread(() -> {
            try {
                while (System.in.read() >= 0) { }
            } catch (Exception e) {
                System.err.println("Java: " + e);
            }
            ended = true;
        });
        input.setDaemon(true);
        input.start();
        Properties p = new Properties();
        p.put("bootstrap.servers", args[0]);
        try (Producer<byte[], byte[]> producer = new KafkaProducer<>(p, new ByteArraySerializer(),
                new ByteArraySerializer())) {
            for (int n = 0; !ended; n++) {
                boolean measured = isWarm();
                long sent = System.nanoTime();
                producer.send(new ProducerRecord<>(args[1], n % partitions, null, new byte[100]),
                    (metadata, error) -> acknowledged(measured, sent, error));
                Thread.sleep(every);
            }
            producer.flush();
        }
        System.out.println(records + " " + errors + " " + slowest / 1_000_000);
    }
}
