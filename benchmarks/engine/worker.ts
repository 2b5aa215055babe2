/**
 * The engine's program as a process that `measure.py` of the peers starts: worker.ts global|repartition WORKERS
 *
 * Environment: TOPIC, GROUP, N, KAFKA, REGISTRY; PROFILE: the file for a CPU profile (one worker only). Prints `T0 MS` when the
 * first record reaches the program's own code and `END MS COUNT rss_mb=SUM cpu_s=SUM` when everything is committed. With more
 * workers than one it is the parent of as many processes.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { run, type RunHandle, type WorkerFigures } from 'millrace';
import { profiled } from '../profile/record.ts';
import { finished, noUsage, sumOf, usage, type Usage } from './finished.ts';
import { programs, type ProgramName } from './topologies.ts';

type ToChild = 'go' | 'stop';
type FromChild =
  | { readonly type: 'ready' | 'stopped'; readonly usage: Usage }
  | { readonly type: 'first'; readonly atMs: number }
  | { readonly type: 'figures'; readonly figures: WorkerFigures };

const POLL_MS = 25;
/** Figures look finished for a moment between two stages: they must do so for longer. */
const SETTLED_MS = 300;
const { TOPIC = 'bench.millrace', GROUP = 'bench-millrace', N = '0', KAFKA = '127.0.0.1:9092', REGISTRY = 'http://127.0.0.1:8081/apis/ccompat/v7' } = process.env;
const PARTITIONS = 4;

const begin = (program: ProgramName, onFirst: (atMs: number) => void): RunHandle => {
  let begun = false;
  const seen = (): void => {
    if (begun) return;
    begun = true;
    onFirst(Date.now());
  };
  return run(programs[program]({ app: GROUP, topic: TOPIC, seen }), { settings: { kafkaBrokers: KAFKA.split(','), registryUrl: REGISTRY, logLevel: 'warn' } });
};

const print = (line: string): void => void process.stdout.write(`${line}\n`);

const printEnd = (count: number, { rssMb, cpuS }: Usage): void => print(`END ${Date.now()} ${count} rss_mb=${rssMb} cpu_s=${cpuS.toFixed(2)}`);

/** Resolves with the number of outputs when every stage has done and committed everything. */
const untilFinished = (figures: () => readonly WorkerFigures[], failed: Promise<never>): Promise<number> => {
  const done = new Promise<number>((resolve) => {
    let sinceMs: number | null = null;
    const timer = setInterval(() => {
      const count = finished(figures(), { partitions: PARTITIONS, records: Number(N) });
      if (count === null) sinceMs = null;
      else if (performance.now() - (sinceMs ??= performance.now()) >= SETTLED_MS) {
        clearInterval(timer);
        resolve(count);
      }
    }, POLL_MS);
  });
  return Promise.race([done, failed]);
};

const alone = async (program: ProgramName): Promise<void> => {
  const profile = process.env.PROFILE === undefined ? null : profiled(process.env.PROFILE);
  const handle = begin(program, (atMs) => {
    profile?.start();
    print(`T0 ${atMs}`);
  });
  const failed = handle.done.then(() => Promise.reject<never>(new Error('the worker stopped by itself')));
  failed.catch(() => {});
  const count = await untilFinished(() => [handle.figures()], failed);
  await profile?.stop();
  await handle.stop();
  printEnd(count, usage());
};

const child = (program: ProgramName): void => {
  const send = (message: FromChild): void => void process.send!(message);
  let handle: RunHandle | undefined;
  let timer: NodeJS.Timeout | undefined;
  const orders: Readonly<Record<ToChild, () => void>> = {
    go: () => {
      handle = begin(program, (atMs) => send({ type: 'first', atMs }));
      handle.done.catch(() => process.exit(1));
      timer = setInterval(() => send({ type: 'figures', figures: handle!.figures() }), POLL_MS);
    },
    stop: () => {
      clearInterval(timer);
      void handle!.stop().then(() => {
        send({ type: 'stopped', usage: usage() });
        process.disconnect();
      });
    },
  };
  process.on('message', (order: ToChild) => orders[order]());
  send({ type: 'ready', usage: noUsage });
};

/** Waits until every child has said so. */
const all = (children: readonly ChildProcess[], type: 'ready' | 'stopped'): Promise<readonly Usage[]> =>
  Promise.all(children.map((started) => new Promise<Usage>((resolve) => {
    started.on('message', (message: FromChild) => {
      if (message.type === type) resolve(message.usage);
    });
  })));

const parent = async (program: ProgramName, workers: number): Promise<void> => {
  const figures = new Map<ChildProcess, WorkerFigures>();
  const children = Array.from({ length: workers }, () => fork(import.meta.filename, [program, 'child'], { stdio: ['ignore', 2, 2, 'ipc'] }));
  const ended = children.map((started) => new Promise<number | null>((resolve) => {
    started.on('exit', resolve);
  }));
  process.on('exit', () => children.forEach((started) => started.kill('SIGKILL')));
  const failed = Promise.race(ended).then((code) => Promise.reject<never>(new Error(`a worker ended with code ${code}`)));
  failed.catch(() => {});
  let first = true;
  for (const started of children) {
    started.on('message', (message: FromChild) => {
      if (message.type === 'figures') figures.set(started, message.figures);
      if (message.type !== 'first' || !first) return;
      first = false;
      print(`T0 ${message.atMs}`);
    });
  }
  await Promise.race([all(children, 'ready'), failed]);
  for (const started of children) started.send('go' satisfies ToChild);
  const count = await untilFinished(() => [...figures.values()], failed);
  const stopped = all(children, 'stopped');
  for (const started of children) started.send('stop' satisfies ToChild);
  const used = await stopped;
  await Promise.all(ended);
  printEnd(count, used.reduce(sumOf, usage()));
};

const [program, workers] = process.argv.slice(2);
if (program === undefined || !Object.hasOwn(programs, program) || workers === undefined) throw new Error('usage: worker.ts global|repartition WORKERS');
if (workers === 'child') child(program as ProgramName);
else {
  await (workers === '1' ? alone(program as ProgramName) : parent(program as ProgramName, Number(workers)));
  process.exit(0);
}
