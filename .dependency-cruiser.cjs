/** A folder of lib/ imports only from lower layers, from itself and from topology/. */
const layers = [
  ['core'],
  ['kafka', 'serde'],
  ['plan'],
  ['state', 'sinks'],
  ['runtime'],
  ['testing', 'connect', 'schemas', 'backfill', 'stack', 'server'],
  ['cli'],
];
const known = layers.flat().join('|');

const layered = layers.flatMap((folders, layer) =>
  folders.map((folder) => {
    const closed = [...layers.slice(layer + 1).flat(), ...folders.filter((other) => other !== folder)];
    return {
      name: `layer-${folder}`,
      severity: 'error',
      comment: `lib/${folder} is in layer ${layer}: it imports from lower layers, from itself and from topology/.`,
      from: { path: `^lib/${folder}/` },
      to: { path: `^lib/(?:(?:${closed.join('|') || 'none'})/|[^/]+$)` },
    };
  }),
);

module.exports = {
  forbidden: [
    ...layered,
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'known-folders', severity: 'error', comment: 'A new folder of lib/ gets a layer first.', from: { path: `^lib/(?!(?:${known})/)[^/]+/` }, to: {} },
    {
      name: 'topology-is-pure',
      severity: 'error',
      comment: 'topology/ is values: it imports nothing but itself, and types from rxjs.',
      from: { path: '^topology/' },
      to: { pathNot: '^topology/|^node_modules/rxjs/' },
    },
    {
      name: 'topology-takes-types-from-rxjs',
      severity: 'error',
      from: { path: '^topology/' },
      to: { path: '^node_modules/rxjs/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'one-kafka-client',
      severity: 'error',
      comment: 'The runtime sees Kafka through lib/kafka/port.ts.',
      from: { path: '^lib/', pathNot: '^lib/kafka/kafkajs/' },
      to: { path: '^node_modules/kafkajs/' },
    },
    { name: 'lib-stands-alone', severity: 'error', from: { path: '^(?:lib|topology)/' }, to: { path: '^(?:test|examples|benchmarks|bin)/' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    moduleSystems: ['es6'],
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
};
