import type { CommitBody } from '../commit/run.ts';
import { MOST_COST, type Guarantee } from '../commit/schedule.ts';
import { median } from '../figures.ts';
import type { Result } from '../results.ts';
import { conditions, count, markdownTable, verdictText } from './words.ts';

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export const commitText = (result: Result<CommitBody>): readonly string[] => {
  const { body } = result;
  const cpu = (tasks: number): string => {
    const of = (guarantee: Guarantee): number => median(body.runs.filter((run) => run.tasks === tasks && run.guarantee === guarantee).map((run) => run.cpuSecondsPerMillion));
    return Number.isNaN(of('exactly-once') + of('at-least-once')) ? '' : `${of('exactly-once').toFixed(1)} and ${of('at-least-once').toFixed(1)}`;
  };
  return [
    '## What exactly once costs',
    '',
    conditions(result),
    '',
    `${count(body.records)} JSON records are counted by key in one worker, with a state, a changelog and an output, under \`MILLRACE_GUARANTEE\` exactly-once and at-least-once by turns, ${body.rounds} rounds; the output of each run was counted. ` +
      'The cost is one less the median ratio of the rates of runs that followed each other.',
    '',
    markdownTable(
      ['tasks', 'exactly once, records/s', 'at least once, records/s', 'CPU s per million', 'cost', `at most ${percent(MOST_COST)}`],
      body.costs.map(({ tasks, exactlyOnce, atLeastOnce, cost, passed }) => [
        String(tasks), count(exactlyOnce), count(atLeastOnce), cpu(tasks), cost === null ? '' : percent(cost), verdictText(passed),
      ]),
    ),
  ];
};
