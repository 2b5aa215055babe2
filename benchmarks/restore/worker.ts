/**
 * One worker with state on disk, as a process: worker.ts FOLDER. Environment: KAFKA. Prints a line of JSON when its stores are restored, and
 * another after its first commit, each with the milliseconds since the process began; then ends by SIGTERM.
 */
import { run } from 'millrace';
import topology, { PARTITIONS } from './topology.ts';

export interface Said {
  readonly what: 'restored' | 'committed';
  readonly sinceStartMs: number;
  /** Read from the changelogs so far. */
  readonly records: number;
}

const { KAFKA = '' } = process.env;
let stores = 0;
let records = 0;
let said = false;
const say = (what: Said['what']): void => {
  process.stdout.write(`${JSON.stringify({ what, sinceStartMs: performance.now(), records } satisfies Said)}\n`);
};

const handle = run(topology, { settings: { kafkaBrokers: KAFKA.split(','), registryUrl: '', logLevel: 'warn', state: 'disk', stateDir: process.argv[2]! } });
handle.events$.subscribe((event) => {
  if (event.type === 'restored') {
    stores += 1;
    records += event.records;
    if (stores === PARTITIONS) say('restored');
  }
  if (event.type === 'committed' && !said) {
    said = true;
    say('committed');
  }
});
process.on('SIGTERM', () => void handle.stop().then(() => process.exit(0)));
await handle.done;
