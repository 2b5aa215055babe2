import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { millrace } from './support.ts';

/** Nothing listens there: what is refused is refused before anybody is asked. */
const NOWHERE = '127.0.0.1:1';

describe('millrace run', function () {
  this.timeout(15_000);
  let folder = '';
  const fileOf = async (name: string, text: string): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, `import { json, keyBy, map, merge, scan, stream, to, topology } from 'millrace/topology';\nimport { http, kafka, redis, secret } from 'millrace/sinks';\n${text}`);
    return file;
  };

  before(async () => {
    // Inside the package, so that 'millrace/topology' is found.
    folder = await mkdtemp(join(import.meta.dirname, 'tmp-run-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('lists everything that is wrong with topology, settings and sinks at once, with exit code 2', async () => {
    const file = await fileOf('problems.ts', `
      const a = stream('a', json<number>());
      const b = stream('b', json<number>());
      export default topology('app',
        a.pipe(keyBy((n) => String(n)), scan('count', (n) => n + 1, { state: json<number>(), seed: 0 }), to('counts', kafka('counts', json<number>()))),
        a.pipe(merge(b), to('both', kafka('both', json<number>()))),
        b.pipe(to('partner', http({ url: 'http://127.0.0.1:1/', token: secret('RT_NO_SUCH_TOKEN'), body: (n) => n, idempotencyKey: (n) => n }))),
      );`);
    const { code, stdout, stderr } = await millrace(['run', file], { MILLRACE_KAFKA_BROKERS: 'nonsense', MILLRACE_COMMIT_INTERVAL_MS: '0' });
    expect(code).to.equal(2);
    expect(stdout).to.equal('');
    expect(stderr).to.include("this keyBy names a topic: write keyBy('name', ...)");
    expect(stderr).to.match(/MILLRACE_KAFKA_BROKERS must be host:port/);
    expect(stderr).to.match(/MILLRACE_COMMIT_INTERVAL_MS must be a whole number from 1 to 60000, not '0'/);
    expect(stderr).to.include('RT_NO_SUCH_TOKEN');
  });

  it('says what a file lacks, with exit code 2', async () => {
    const empty = await fileOf('empty.ts', 'export const nothing = [json, keyBy, map, merge, scan, stream, to, topology, http, kafka, redis, secret];');
    expect(await millrace(['run', empty], { MILLRACE_KAFKA_BROKERS: NOWHERE })).to.deep.include({ code: 2, stdout: '' });
    const { code, stderr } = await millrace(['run', join(folder, 'missing.ts'), '--workers', '2'], { MILLRACE_KAFKA_BROKERS: NOWHERE });
    expect(code).to.equal(2);
    expect(stderr).to.match(/missing\.ts cannot be loaded/);
  });

  it('takes whole numbers of workers only', async () => {
    for (const count of ['0', '1.5', 'many', '65']) expect((await millrace(['run', 'x.ts', '--workers', count])).code, count).to.equal(2);
  });

  it('stops with exit code 0 while no broker is there yet', async () => {
    const file = await fileOf('waiting.ts', "export default topology('app', stream('a', json<number>()).pipe(to('b', kafka('b', json<number>()))));");
    const { WorkerProcess } = await import('../integration/support/lab.ts');
    const worker = new WorkerProcess([file], { MILLRACE_KAFKA_BROKERS: NOWHERE });
    await worker.until('preparing topics failed and is tried again');
    const { code, ms } = await worker.stop();
    expect(code).to.equal(0);
    expect(ms).to.be.below(5_000);
  });
});
