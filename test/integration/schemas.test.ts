/** `millrace schemas` against a real registry. */
import { expect } from 'chai';
import { after, before, beforeEach, describe, it } from 'mocha';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { millrace, type Outcome } from '../cli/support.ts';
import { deleteSubject, registerSchema } from './support/avro-messages.ts';
import { stack } from './support/stack.ts';

type Field = Readonly<Record<string, unknown>>;
const url = stack.endpoints.registryUrl!;
const prefix = `schemastest${process.pid}x${Math.trunc(performance.timeOrigin)}`;
const ID: Field = { name: 'id', type: 'int' };
const NOTE: Field = { name: 'note', type: ['null', 'string'], default: null };
const recordOf = (...fields: readonly Field[]) => ({ type: 'record', name: 'Order', namespace: 'shop', fields });
const envelopeOf = (topic: string, ...fields: readonly Field[]) => ({
  type: 'record', name: 'Envelope', namespace: topic, fields: [
    { name: 'before', type: ['null', { type: 'record', name: 'Value', fields, 'connect.name': `${topic}.Value` }], default: null },
    { name: 'after', type: ['null', 'Value'], default: null },
    { name: 'source', type: 'string' },
    { name: 'op', type: 'string' },
  ],
});

describe('millrace schemas', function () {
  this.timeout(60_000);
  const subjects = new Set<string>();
  let folder: string;
  let count = 0;
  let subject: string;

  const schemas = (...args: readonly string[]): Promise<Outcome> => millrace(['schemas', ...args], { MILLRACE_REGISTRY_URL: url });
  const register = (name: string, schema: object): Promise<number> => {
    subjects.add(name);
    return registerSchema(url, name, schema);
  };
  const setMode = async (name: string, compatibility: string): Promise<void> => {
    const response = await fetch(`${url}/config/${name}`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ compatibility }) });
    if (!response.ok) throw new Error(await response.text());
  };
  const file = async (schema: object, name = 'order.avsc'): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, JSON.stringify(schema));
    return path;
  };
  const ours = (...fields: readonly Field[]) => ({ ...recordOf(...fields), 'millrace.subject': subject });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-schemas-'));
  });
  beforeEach(async () => {
    await rm(folder, { recursive: true });
    folder = await mkdtemp(join(tmpdir(), 'millrace-schemas-'));
    count += 1;
    subject = `${prefix}.orders${count}-value`;
    subjects.add(subject);
  });
  after(async () => {
    await rm(folder, { recursive: true });
    for (const name of subjects) await deleteSubject(url, name);
  });

  describe('pull', () => {
    it('writes a file for each subject, the same each time, with types made from it', async () => {
      const id = await register(subject, recordOf(ID, NOTE));
      const path = join(folder, `orders${count}.avsc`);
      expect(await schemas('pull', subject, '--out', folder)).to.deep.equal({ code: 0, stdout: `wrote ${path} (${subject} version 1, id ${id})\n`, stderr: '' });
      expect(await readFile(path, 'utf8')).to.equal([
        '{', '  "type": "record",', '  "name": "Order",', '  "namespace": "shop",', `  "millrace.subject": "${subject}",`, '  "fields": [',
        '    { "name": "id", "type": "int" },', '    { "name": "note", "type": ["null", "string"], "default": null }', '  ]', '}', '',
      ].join('\n'));
      expect((await schemas('pull', subject, '--out', folder)).stdout).to.equal(`unchanged ${path} (${subject} version 1, id ${id})\n`);
      expect((await schemas('types', folder)).code).to.equal(0);
      expect(await readFile(path.replace(/avsc$/, 'ts'), 'utf8')).to.include('readonly note: string | null;').and.not.include('millrace.subject');
    });

    it("takes the row out of Debezium's envelope, for the tables that a connector captures", async () => {
      const topic = `${prefix}.public.plays`;
      await register(`${topic}-value`, envelopeOf(topic, ID, NOTE));
      const connector = join(folder, 'c.json');
      await writeFile(connector, JSON.stringify({ name: 'c', 'connector.class': 'x', 'topic.prefix': prefix, 'table.include.list': 'public.plays' }));
      expect((await schemas('pull', '--connector', connector, '--out', folder)).code).to.equal(0);
      const { name, namespace, fields } = JSON.parse(await readFile(join(folder, 'plays.avsc'), 'utf8')) as Record<string, unknown>;
      expect({ name, namespace, fields }).to.deep.equal({ name: 'Value', namespace: topic, fields: [ID, NOTE] });
    });

    it('keeps a file that differs, exit code 3, unless it is told to overwrite it; what is ours in it stays', async () => {
      await register(subject, recordOf(ID, NOTE));
      const path = await file({ ...ours(ID), 'millrace.export': 'orderRow' });
      const kept = await schemas('pull', subject, '--out', folder);
      expect([kept.code, kept.stdout.split(' ')[0]]).to.deep.equal([3, 'kept']);
      expect((await schemas('pull', subject, '--out', folder, '--overwrite')).stdout.split(' ')[0]).to.equal('wrote');
      const written = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
      expect([written['millrace.export'], written['fields']]).to.deep.equal(['orderRow', [ID, NOTE]]);
    });

    it('takes what a topology reads', async () => {
      await register(subject, recordOf(ID));
      const topology = join(folder, 'topology.ts');
      const source = `stream('${subject.replace(/-value$/, '')}', avro(schema({ type: 'record', name: 'Order', fields: [] })))`;
      const library = new URL('../../topology/index.ts', import.meta.url).href;
      await writeFile(topology, `import { avro, json, schema, stream, to, topology } from '${library}';\nimport { kafka } from '${new URL('../../topology/sinks/kafka.ts', import.meta.url).href}';\nexport default topology('t', ${source}.pipe(to('out', kafka('out', json()))));\n`);
      expect((await schemas('pull', '--topology', topology, '--out', folder)).stdout).to.match(/^wrote .*orders\d+\.avsc/);
    });

    it('writes nothing when a subject is not known, and says which was meant', async () => {
      await register(subject, recordOf(ID));
      const { code, stderr } = await schemas('pull', subject, subject.replace('orders', 'ordres'), '--out', folder);
      expect(code).to.equal(2);
      expect(stderr).to.include(`the registry has no subject ${subject.replace('orders', 'ordres')}; did you mean ${subject}?`);
      expect((await schemas('types', folder)).code, 'no file').to.equal(2);
    });
  });

  describe('check', () => {
    const cases: readonly (readonly [mode: string, what: string, registered: readonly (readonly Field[])[], file: readonly Field[], code: number, lines: readonly RegExp[]])[] = [
      ['BACKWARD', 'a field that came with a default', [[ID]], [ID, NOTE], 0, []],
      ['BACKWARD', 'a field that changed its type', [[ID, NOTE]], [ID, { name: 'note', type: 'long', default: 0 }], 3, [/^note: null \| string of null \| string cannot be read as long of version 1 \(id \d+\)$/]],
      ['FORWARD', 'a field that went and has no default', [[ID, { name: 'sku', type: 'string' }]], [ID], 3, [/^sku: it is not written, and has no default, which version 1 \(id \d+\) would have to read$/]],
      ['FORWARD', 'a field that came', [[ID]], [ID, { name: 'sku', type: 'string' }], 0, []],
      ['FULL', 'int that became long', [[ID]], [{ name: 'id', type: 'long' }], 3, [/^id: long cannot be read as int, which version 1 \(id \d+\) would have to read$/]],
      ['BACKWARD', 'a field that an older version has with another type', [[ID, { name: 'n', type: 'int' }], [ID]], [ID, { name: 'n', type: 'string', default: '' }], 3, [/^n: int cannot be read as string of version 1 \(id \d+\)$/]],
    ];
    for (const [mode, what, registered, fields, code, lines] of cases) {
      it(`says of ${what}, under ${mode}, with exit code ${code}, the field and the versions`, async () => {
        for (const [i, version] of registered.entries()) {
          await register(subject, recordOf(...version));
          if (i === 0) await setMode(subject, mode);
        }
        const path = await file(ours(...fields));
        const outcome = await schemas('check', path);
        expect(outcome.code, outcome.stderr).to.equal(code);
        const [head, ...rest] = outcome.stdout.trim().split('\n');
        expect(head).to.match(new RegExp(`^${path} ${code === 0 ? 'compatible' : 'incompatible'} with ${subject}, versions? .*\\(${mode}\\)$`));
        expect(rest.length).to.equal(lines.length);
        for (const [i, line] of lines.entries()) expect(rest[i]!.trim()).to.match(line);
      });
    }

    it('looks at the latest version only when told to', async () => {
      await register(subject, recordOf(ID, { name: 'n', type: 'int' }));
      await setMode(subject, 'BACKWARD');
      await register(subject, recordOf(ID));
      const path = await file(ours(ID, { name: 'n', type: 'string', default: '' }));
      expect([(await schemas('check', path)).code, (await schemas('check', path, '--versions', 'latest')).code]).to.deep.equal([3, 0]);
    });

    it("asks of a row whether it reads every version of Debezium's envelope, with its units", async () => {
      const topic = `${prefix}.public.rows${count}`;
      const at = (unit: string): Field => ({ name: 'at', type: { type: 'long', 'connect.name': `io.debezium.time.${unit}` } });
      await register(`${topic}-value`, envelopeOf(topic, ID, at('MicroTimestamp')));
      const row = { type: 'record', name: 'Value', namespace: topic, fields: [ID, at('MicroTimestamp')] };
      const path = await file(row);
      expect((await schemas('check', path)).code).to.equal(0);
      const id = await register(`${topic}-value`, envelopeOf(topic, ID, at('Timestamp')));
      const { code, stdout } = await schemas('check', path, '--json');
      expect(code).to.equal(3);
      const [{ outcome, versions, problems }] = JSON.parse(stdout) as [{ outcome: string; versions: number[]; problems: unknown[] }];
      expect({ outcome, versions, problems }).to.deep.equal({
        outcome: 'incompatible', versions: [1, 2],
        problems: [{ path: 'at', reason: 'io.debezium.time.Timestamp cannot be read as io.debezium.time.MicroTimestamp', version: 2, id, direction: 'backward' }],
      });
    });
  });

  describe('push', () => {
    it('registers, says version and id, and changes nothing the second time', async () => {
      const path = await file(ours(ID));
      expect((await schemas('push', path)).stdout).to.match(new RegExp(`^${path} registered as ${subject} version 1 \\(id \\d+\\)\n$`));
      await setMode(subject, 'BACKWARD');
      await file(ours(ID, NOTE));
      expect((await schemas('push', path)).stdout).to.match(/registered as .* version 2 \(id \d+\)/);
      expect(await schemas('push', path)).to.deep.include({ code: 0 }).and.property('stdout').to.match(/unchanged as .* version 2 /);
    });

    it('does not register what does not fit, and says which field', async () => {
      await register(subject, recordOf(ID));
      await setMode(subject, 'BACKWARD');
      const { code, stdout } = await schemas('push', await file(ours({ name: 'id', type: 'string' })));
      expect(code).to.equal(3);
      expect(stdout).to.match(/ {2}id: int cannot be read as string of version 1 \(id \d+\)\n$/);
      expect(await (await fetch(`${url}/subjects/${subject}/versions`)).json()).to.deep.equal([1]);
    });

    it('leaves rows to the connector, and registers nothing when a file has no subject', async () => {
      const row = await file({ type: 'record', name: 'Value', namespace: `${prefix}.public.plays`, fields: [ID] });
      expect(await schemas('push', row)).to.deep.include({ code: 2, stdout: '' });
      const nameless = await file(recordOf(ID), 'nameless.avsc');
      const { code, stderr } = await schemas('push', nameless);
      expect(code).to.equal(2);
      expect(stderr).to.include('nothing says which subject it is about; set "millrace.subject" in it, or give --subject');
      expect((await schemas('push', nameless, '--subject', subject)).stdout).to.include(`registered as ${subject} version 1`);
    });
  });

  describe('diff', () => {
    it('shows fields that came, went and changed, with types and defaults', async () => {
      const id = await register(subject, recordOf(ID, { name: 'price', type: 'int' }, { name: 'went', type: 'string' }));
      const path = await file(ours(ID, { name: 'price', type: 'long', default: 0 }, NOTE));
      expect(await schemas('diff', path)).to.deep.equal({
        code: 3, stderr: '', stdout: `${path} different, ${subject} version 1 (id ${id})\n  ~ price: int -> long = 0\n  - went: string\n  + note: null | string = null\n`,
      });
      await file(ours(ID, { name: 'price', type: 'int' }, { name: 'went', type: 'string' }));
      expect((await schemas('diff', path)).code).to.equal(0);
    });

    it('says so when the subject is not there', async () => {
      expect(await schemas('diff', await file(ours(ID)))).to.deep.include({ code: 3 }).and.property('stdout').to.include(`absent: the registry has no ${subject}`);
    });
  });

  for (const verb of ['pull', 'check', 'push', 'diff'] as const) {
    it(`${verb} says that the registry is down, or is none, with exit code 1`, async () => {
      const what = verb === 'pull' ? [subject, '--out', folder] : [await file(ours(ID))];
      const down = await schemas(verb, ...what, '--registry-url', 'http://user:hidden@127.0.0.1:9/apis/ccompat/v7');
      expect([down.code, down.stdout]).to.deep.equal([1, '']);
      expect(down.stderr).to.include('the schema registry at http://127.0.0.1:9/apis/ccompat/v7 does not answer').and.not.include('hidden');
      const none = await schemas(verb, ...what, '--registry-url', stack.endpoints.connectUrl!);
      expect(none.code).to.equal(1);
      expect(none.stderr).to.include('is no schema registry');
    });
  }

  it('name every file that is no schema, with exit code 2', async () => {
    await file({ type: 'record', name: 'X' }, 'a.avsc');
    await writeFile(join(folder, 'b.avsc'), '{');
    for (const verb of ['check', 'push', 'diff']) {
      const { code, stderr } = await schemas(verb, folder);
      expect(code, verb).to.equal(2);
      expect(stderr).to.include('a.avsc: ').and.include('b.avsc: ');
    }
  });
});
