/** docs/RXJS.md shows code that runs, and names the events that there are. */
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { json, kafka, scan, stream, to, topology } from 'millrace/topology';
import { Cluster, until } from '../runtime/cluster.ts';
import { committedRecords, follow } from './rxjs/follow.ts';
import { fences, inline, read } from './support.ts';

const page = read('docs/RXJS.md');

describe('docs/RXJS.md', () => {
  let cluster: Cluster;

  beforeEach(() => {
    cluster = new Cluster();
  });
  afterEach(() => cluster.close());

  it('shows code as it is in files that are compiled and run', () => {
    expect(fences(page, 'ts')).to.deep.equal(['test/integration/runtime/lookups.ts', 'test/docs/rxjs/follow.ts'].map(read));
  });

  it('names every event, and no other', () => {
    const declared = [...read('lib/runtime/events.ts').matchAll(/readonly type: '(\w+)'/g)].map((match) => match[1]!);
    const table = page.slice(page.indexOf('| event | fields |')).split('\n\n')[0]!;
    const named = table.split('\n').slice(2).flatMap((row) => inline(row.split('|')[1]!));
    expect(named.sort()).to.deep.equal(declared.sort());
  });

  it('follows commits and a store as it says', async () => {
    cluster.topic('orders');
    const orders = stream('orders', json<number>());
    const handle = cluster.start(topology('shop', orders.pipe(scan('totals', (sum, n) => sum + n, { state: json<number>(), seed: 0 }), to('out', kafka('out', json<number>())))));
    const [commits, shown]: [unknown[], unknown[]] = [[], []];
    committedRecords(handle).subscribe((commit) => commits.push(commit));
    follow(handle, 'ann', (total) => shown.push(total));
    cluster.send('orders', [3, 4], 'ann');
    cluster.send('orders', [5], 'bob');
    await until(() => JSON.stringify(commits.at(-1)) === '["orders",3]', () => JSON.stringify(commits));
    expect(shown[0]).to.equal(undefined);
    expect(shown.at(-1)).to.equal(7);
  });
});
