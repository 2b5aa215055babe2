import { END_TXN, errorOf } from '../integration/support/kafka-frames.ts';
import type { Fault } from './fault.ts';

/** From the commit after one lost answer to the next lost answer. What waits on the same connection has recovered by then, too. */
const LEAST_GAP_MS = 400;
const TIMEOUT_MS = 300_000;
const NO_ERROR = 0;

interface Lost {
  readonly transactionalId: string;
  readonly ms: number;
  readonly way: 'lose' | 'cut';
  readonly error: number;
  /** When the same task had an answer to a commit again; null: not yet. */
  againMs: number | null;
}

export const commitReply: Fault = {
  name: 'commit-reply',
  title: 'the answer to EndTxn lost: the broker has committed, the worker does not know',
  rounds: 50,
  limitS: 420,
  resumeMeans: 'from the lost answer to the next commit of the same task that is answered; one number per answer to a task that writes to topics',
  resumeGoalS: null,
  // An answer that is merely missing is waited for this long.
  settings: { kafka: 'through a proxy', environment: { MILLRACE_REQUEST_TIMEOUT_MS: '2000' } },

  async run(scene, rounds) {
    const lost: Lost[] = [];
    const open = new Map<string, Lost>();
    let lastMs = 0;
    scene.frames = {
      request: () => 'pass',
      answer: ({ apiKey, transactionalId }, frame) => {
        if (apiKey !== END_TXN || transactionalId === null) return 'pass';
        const ms = performance.now();
        const before = open.get(transactionalId);
        if (before !== undefined) {
          if (errorOf(frame) === NO_ERROR) {
            before.againMs = ms;
            lastMs = ms;
            open.delete(transactionalId);
          }
          return 'pass';
        }
        if (lost.length >= rounds || open.size > 0 || ms < lastMs + LEAST_GAP_MS || errorOf(frame) !== NO_ERROR) return 'pass';
        // By turns: the connection falls silent, or it breaks.
        const one: Lost = { transactionalId, ms, way: lost.length % 2 === 0 ? 'lose' : 'cut', error: errorOf(frame), againMs: null };
        lost.push(one);
        open.set(transactionalId, one);
        return one.way;
      },
    };
    await scene.until(() => lost.length >= rounds && open.size === 0, () => `${rounds} answers are lost and their tasks commit again; ${lost.length} are lost, and ${[...open.keys()].join(', ')} do not commit`, TIMEOUT_MS);
    scene.frames = { request: () => 'pass', answer: () => 'pass' };
    const seconds = ({ ms, againMs }: Lost): number => (againMs! - ms) / 1_000;
    const stageOf = ({ transactionalId }: Lost): string => transactionalId.slice(scene.app.length + 1).replace(/\.\d+$/, '').replace(`${scene.app}.`, '');
    const inTransaction = new Set(['events', 'by-user']);
    scene.resumeS.push(...lost.filter((one) => inTransaction.has(stageOf(one))).map(seconds));
    const outside = lost.filter((one) => !inTransaction.has(stageOf(one))).toSorted((a, b) => seconds(b) - seconds(a))[0];
    if (outside !== undefined) scene.notes.push(`A task of an outside sink commits when its system has answered: the slowest needed ${seconds(outside).toFixed(1)} s (${stageOf(outside)}).`);
    const stages = new Map<string, number>();
    for (const one of lost) stages.set(stageOf(one), (stages.get(stageOf(one)) ?? 0) + 1);
    const count = (way: Lost['way']): number => lost.filter((one) => one.way === way).length;
    scene.proofs.push(`the proxy kept back ${lost.length} answers to EndTxn that said "committed": ${count('lose')} on connections that then fell silent, ${count('cut')} on connections that then broke; by stage ${[...stages].map(([stage, n]) => `${stage} ${n}`).join(', ')}`);
    const reopened = scene.everyWorker.reduce((sum, worker) => sum + worker.lines.filter(({ message }) => message === 'task open').length, 0);
    scene.notes.push(`Tasks were opened ${reopened} times in all; whatever else waited on a broken connection was opened anew, too.`);
  },
};
