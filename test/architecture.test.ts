/** The shape of the package: layers, cycles, what its doors export, and the lint rules that hold the runtime to one clock. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { cruise, type ICruiseOptions, type IReporterOutput } from 'dependency-cruiser';
import { ESLint } from 'eslint';
import { describe, it } from 'mocha';
import * as millrace from 'millrace';
import * as testing from 'millrace/testing';
import * as topology from 'millrace/topology';

const root = fileURLToPath(new URL('..', import.meta.url));
const layers = createRequire(import.meta.url)('../.dependency-cruiser.cjs') as { readonly forbidden: unknown; readonly options: ICruiseOptions };

/** The types of the runtime's door, as it writes them. */
const types = [
  'BackfillOptions', 'BackfillProgress', 'BackfillStart', 'BackfillSummary', 'BreakerState', 'Clock', 'Config', 'EntryPlan', 'Environment', 'HistogramFigures', 'LogFields', 'Logger', 'OutputPlan', 'Plan', 'RunHandle', 'RunOptions', 'ServeOptions', 'ServedWorker',
  'StageFigures', 'StagePlan', 'StoreChange', 'StorePlan', 'StoreView', 'TableFigures', 'Timer', 'TopicPlan', 'TopicRole', 'WorkerEvent', 'WorkerFigures', 'WorkerServer', 'WorkerState',
];

/** What each door of the package exports as values, name by name (types are held by test/types). A new door or name is a decision: it is added here. */
const doors: Readonly<Record<string, { readonly exports: object; readonly names: readonly string[] }>> = {
  millrace: {
    exports: millrace,
    names: ['ConfigurationError', 'DeadLetterError', 'MillraceError', 'PauseError', 'RejoinError', 'RetryError', 'StopError', 'backfill', 'discardBackfill', 'plan', 'run', 'serve'],
  },
  'millrace/testing': { exports: testing, names: ['FAULTS', 'SimulationError', 'drive', 'simulate'] },
  'millrace/topology': {
    exports: topology,
    names: [
      'TopologyError', 'avro', 'bigquery', 'branch', 'cassandra', 'changes', 'concatMap', 'debezium', 'dedupe', 'describe', 'env', 'filter', 'http', 'inserts', 'join', 'json', 'kafka', 'keyBy', 'labelOf', 'leftJoin', 'map',
      'merge', 'mergeMap', 'otherwise', 'parentsOf', 'pathOf', 'redis', 'rx', 'scan', 'schema', 'secret', 'stream', 'table', 'tap', 'through', 'to', 'topology', 'upserts', 'validate',
    ],
  },
};

describe('architecture', () => {
  it('keeps to its layers, without a cycle', async function () {
    this.timeout(20_000);
    const { output } = (await cruise(['lib', 'topology'], { ...layers.options, ruleSet: { forbidden: layers.forbidden }, validate: true, baseDir: root, outputType: 'err' } as ICruiseOptions)) as IReporterOutput;
    expect(output, String(output)).to.contain('no dependency violations found');
  });

  for (const [door, { exports, names }] of Object.entries(doors)) {
    it(`exports from ${door} these names and no others`, () => {
      expect(Object.keys(exports).toSorted()).to.deep.equal([...names].toSorted());
    });
  }
});

describe('the types of millrace', () => {
  it('are these and no others', async () => {
    const lists = [...(await readFile(join(root, 'lib', 'index.ts'), 'utf8')).matchAll(/^export type \{([^}]+)\}/gm)];
    expect(lists.flatMap((match) => match[1]!.split(',').map((name) => name.trim())).toSorted()).to.deep.equal(types);
  });
});

describe('the one clock', () => {
  // Without the rules that need type information: these do not.
  const untyped = { languageOptions: { parserOptions: { projectService: false } }, rules: { '@typescript-eslint/no-floating-promises': 'off' } } as const;
  const eslint = new ESLint({ cwd: root, overrideConfig: untyped });
  const rulesBroken = async (file: string, code: string): Promise<readonly (string | null)[]> =>
    (await eslint.lintText(`${code}\n`, { filePath: file })).flatMap(({ messages }) => messages.map(({ ruleId }) => ruleId));
  const clocks: readonly (readonly [code: string, rule: string])[] = [
    ['Date.now();', 'no-restricted-properties'],
    ['new Date();', 'no-restricted-syntax'],
    ['setTimeout(() => {}, 1);', 'no-restricted-globals'],
    ['setInterval(() => {}, 1);', 'no-restricted-globals'],
    ['Math.random();', 'no-restricted-properties'],
    ['performance.now();', 'no-restricted-globals'],
    ['globalThis.setTimeout(() => {}, 1);', 'no-restricted-properties'],
    ["import 'node:timers/promises';", 'no-restricted-imports'],
  ];

  for (const [code, rule] of clocks) {
    it(`is not passed by with ${code}`, async function () {
      this.timeout(20_000);
      expect(await rulesBroken('lib/core/logger.ts', code)).to.deep.equal([rule]);
      expect(await rulesBroken('topology/stream.ts', code)).to.deep.equal([rule]);
      expect(await rulesBroken('lib/core/clock.ts', code)).to.deep.equal([]);
    });
  }

  it('leaves a date made of a number alone', async () => {
    expect(await rulesBroken('lib/core/logger.ts', 'new Date(5).toISOString();')).to.deep.equal([]);
  });
});
