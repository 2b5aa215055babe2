/** The engine's join as a file that worker processes run; the names come from the environment. */
import { programs } from '../engine/topologies.ts';

const { BENCH_JOIN_APP = 'bench-join', BENCH_JOIN_TOPIC = 'bench-join-out' } = process.env;

export default programs.global({ app: BENCH_JOIN_APP, topic: BENCH_JOIN_TOPIC, seen: () => undefined });
