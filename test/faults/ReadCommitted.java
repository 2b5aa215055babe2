import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Every committed record of some topics up to the ends that they have now, as Kafka's own consumer sees them: topic, partition, offset, key, value. */
class ReadCommitted {
    public static void main(String[] args) {
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", args[0], "isolation.level", "read_committed", "auto.offset.reset", "earliest", "enable.auto.commit", false,
            "key.deserializer", StringDeserializer.class, "value.deserializer", StringDeserializer.class);
        try (var consumer = new KafkaConsumer<String, String>(settings)) {
            List<TopicPartition> partitions = new ArrayList<>();
            for (String topic : List.of(args).subList(1, args.length))
                for (var info : consumer.partitionsFor(topic)) partitions.add(new TopicPartition(topic, info.partition()));
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            StringBuilder out = new StringBuilder();
            while (partitions.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                for (var record : consumer.poll(Duration.ofMillis(200)))
                    if (record.offset() < ends.get(new TopicPartition(record.topic(), record.partition())))
                        out.append(record.topic()).append('\t').append(record.partition()).append('\t').append(record.offset()).append('\t').append(record.key()).append('\t').append(record.value()).append('\n');
                System.out.print(out);
                out.setLength(0);
            }
            System.out.flush();
        }
    }
}
