import { expect } from 'chai';
import { describe, it } from 'mocha';
import { byLayer, layerOf, type CpuProfile, type ProfileNode } from '../../benchmarks/profile/layers.ts';

const LIB = 'file:///somewhere/millrace/lib';
const node = (id: number, functionName: string, url: string, ...children: readonly number[]): ProfileNode => ({ id, callFrame: { functionName, url }, children });

describe('benchmarks: a CPU profile by layer', () => {
  const places = [
    ['fetch', 'kafka/kafkajs/batch-decoder.ts', 'value'], ['decode', 'serde/avro-reader.ts', 'read'], ['decode', 'serde/json.ts', 'decode'], ['encode', 'serde/json.ts', 'encode'],
    ['decode', 'serde/key.ts', 'decodeKey'], ['encode', 'serde/key.ts', 'keyText'], ['encode', 'kafka/kafkajs/batch-encoder.ts', 'append'], ['encode', 'runtime/outputs.ts', 'write'],
    ['process', 'runtime/processing.ts', 'record'], ['process', 'plan/compile.ts', ''], ['state', 'state/memory.ts', 'get'], ['produce', 'kafka/kafkajs/producer.ts', 'send'],
    ['transport', 'kafka/kafkajs/connections.ts', 'send'],
  ] as const;
  for (const [layer, file, name] of places) {
    it(`counts ${name === '' ? 'a function' : name} of ${file} as ${layer}`, () => {
      expect(layerOf({ functionName: name, url: `${LIB}/${file}` })).to.equal(layer);
    });
  }

  it('leaves what V8, Node and shared helpers do to their callers', () => {
    expect(layerOf({ functionName: 'stringify', url: '' })).to.equal(null);
    expect(layerOf({ functionName: 'from', url: 'node:buffer' })).to.equal(null);
    expect(layerOf({ functionName: 'writeVarint', url: `${LIB}/kafka/kafkajs/varint.ts` })).to.equal(null);
  });

  const profile: CpuProfile = {
    nodes: [
      node(1, '(root)', '', 2, 6, 7, 8, 10),
      node(2, 'record', `${LIB}/runtime/processing.ts`, 3, 5),
      node(3, 'encode', `${LIB}/serde/json.ts`, 4),
      node(4, 'stringify', ''),
      node(5, 'read', `${LIB}/serde/avro-reader.ts`),
      node(6, '(garbage collector)', ''),
      node(7, '(idle)', ''),
      node(8, 'processTicksAndRejections', 'node:internal/process/task_queues', 9),
      node(9, 'writeBuffer', ''),
      node(10, 'post', 'node:inspector'),
    ],
    samples: [2, 4, 4, 3, 5, 6, 7, 9, 10],
    timeDeltas: [1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 70_000, 8_000, 90_000],
  };

  it('gives each sample to the innermost layer on its stack, and leaves the profiler out', () => {
    expect(byLayer(profile, 9).layers).to.deep.equal([
      { layer: 'idle', ms: 70 }, { layer: 'encode', ms: 9 }, { layer: 'node', ms: 8 }, { layer: 'gc', ms: 6 }, { layer: 'decode', ms: 5 }, { layer: 'process', ms: 1 },
    ]);
  });

  it('names the functions with the most time of their own, without the folder the repository is in', () => {
    expect(byLayer(profile, 4).functions).to.deep.equal([
      { layer: 'node', name: 'writeBuffer', ms: 8 }, { layer: 'gc', name: '(garbage collector)', ms: 6 },
      { layer: 'encode', name: 'stringify', ms: 5 }, { layer: 'decode', name: 'read lib/serde/avro-reader.ts', ms: 5 },
    ]);
  });
});
