/** The engine beside its peers: events from Kafka to the enriched topic, exactly once. */
import type { Deadline } from '../deadline.ts';
import { say } from '../say.ts';
import type { StackEnvironment } from '../stack.ts';
import { runAlone } from './alone.ts';
import { preparePeers, runOurs, runPeer, type Peers, type Run } from './peers.ts';
import { allPeers, isOurs, round, summaries, verdicts, type Program, type Summary, type Verdict } from './schedule.ts';

export interface EngineBody {
  readonly events: number;
  readonly rounds: number;
  /** Whether every output was compared with SQL, or only counted. */
  readonly verified: boolean;
  readonly skipped: Readonly<Record<string, string>>;
  readonly failed: readonly string[];
  readonly runs: readonly Run[];
  readonly summaries: readonly Summary[];
  readonly verdicts: readonly Verdict[];
}

export interface EngineOptions {
  readonly environment: StackEnvironment;
  readonly events: number;
  readonly rounds: number;
  readonly deadline: Deadline;
}

const nameOf = ({ peer, variant }: Program): string => `${peer} ${variant}`;

const runOnce = (program: Program, peers: Peers, verified: boolean, { environment, events }: EngineOptions): Promise<Run> => {
  if (!isOurs(program)) return runPeer(peers, environment, program.peer, program.variant);
  if (verified) return runOurs(peers, environment, program.program, program.workers);
  return runAlone(environment, { program: program.program, workers: program.workers, events });
};

export const runEngine = async (options: EngineOptions): Promise<EngineBody> => {
  say('Engine: building the peers');
  const peers = await preparePeers(options.environment, allPeers);
  for (const [peer, why] of Object.entries(peers.skipped)) say(`  ${peer} is skipped: ${why}`);
  const verified = !('verification' in peers.skipped);
  const runs: Run[] = [];
  const failed: string[] = [];
  for (let index = 0; index < options.rounds; index += 1) {
    say(`Engine: round ${index + 1} of ${options.rounds}, ${options.events.toLocaleString('en-US')} events`);
    for (const program of round(index)) {
      if (!isOurs(program) && !peers.available.has(program.peer)) continue;
      if (options.deadline.passed()) {
        failed.push(`${nameOf(program)}: no time left`);
        continue;
      }
      try {
        const run = await runOnce(program, peers, verified, options);
        runs.push(run);
        say(`  ${nameOf(program)}: ${run.evps.toLocaleString('en-US')} events/s, ${run.cpu_s} CPU s, ${run.rss_mb} MB${run.ok ? '' : ' - OUTPUT NOT RIGHT'}`);
      } catch (error) {
        failed.push(`${nameOf(program)}: ${(error as Error).message}`);
        say(`  ${failed.at(-1)}`);
      }
    }
  }
  const found = verdicts(runs);
  for (const { ours, theirs, atLeast, ratio, passed } of found) {
    say(`  ${ours} / ${theirs}: ${ratio === null ? 'not measured' : ratio.toFixed(2)}, at least ${atLeast}${passed === null ? '' : passed ? ': passed' : ': NOT PASSED'}`);
  }
  return { events: options.events, rounds: options.rounds, verified, skipped: peers.skipped, failed, runs, summaries: summaries(runs), verdicts: found };
};
