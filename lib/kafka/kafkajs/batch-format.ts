/** Positions in the header of a record batch, format v2 (the only one Kafka 4 writes). */
export const BASE_OFFSET = 0;
export const BATCH_LENGTH = 8;
export const LEADER_EPOCH = 12;
export const MAGIC = 16;
export const CRC = 17;
/** The checksum covers everything from here to the end. */
export const ATTRIBUTES = 21;
export const LAST_OFFSET_DELTA = 23;
export const BASE_TIMESTAMP = 27;
export const MAX_TIMESTAMP = 35;
export const PRODUCER_ID = 43;
export const PRODUCER_EPOCH = 51;
export const BASE_SEQUENCE = 53;
export const RECORD_COUNT = 57;
export const HEADER_BYTES = 61;
/** `BATCH_LENGTH` counts what lies behind itself. */
export const LENGTH_OVERHEAD_BYTES = 12;

/** No compression, the producer's own timestamps, no transaction. */
export const NO_ATTRIBUTES = 0;
export const CODEC_MASK = 0x07;
export const LOG_APPEND_TIME = 0x08;
export const TRANSACTIONAL = 0x10;
export const CONTROL = 0x20;
