# Debezium's image of Kafka Connect with the Avro converter that the local stack uses, so that connectors/*.json work unchanged.
# The image's own converters of a later major version stay off: their settings have other names.
FROM maven:3.9-eclipse-temurin-17 AS converter
RUN mvn -q -B dependency:copy -Dartifact=io.apicurio:apicurio-registry-distro-connect-converter:2.5.11.Final:tar.gz -DoutputDirectory=/download \
  && echo '7c79f5486876e37c11a68c57b7ddfe69e393e0655a7300fc4bba1be390a439c0  /download/apicurio-registry-distro-connect-converter-2.5.11.Final.tar.gz' | sha256sum -c \
  && mkdir /avro-converter \
  && tar -xzf /download/*.tar.gz -C /avro-converter \
  && find /avro-converter -regextype posix-extended -regex '.*/(jackson-(core|annotations|databind|datatype-jdk8)|kafka-clients|connect-.*|slf4j-api)-[0-9][^/]*' -delete

FROM quay.io/debezium/connect:3.7.0.Final
ENV ENABLE_APICURIO_CONVERTERS=false
COPY --from=converter --chown=kafka:kafka /avro-converter /kafka/connect/avro-converter
