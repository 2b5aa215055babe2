import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { startPartner, type Faults, type Partner } from '../../../examples/engagement/partner/server.ts';

const TOKEN = 'a-token-for-tests';
const AUTHORIZED = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
/** By PostgreSQL: ('x' || substr(md5(key), 1, 8))::bit(32)::bigint % 10 = 0 for the first list, substr(md5(key), 9, 8) for the second. */
const REFUSED_OF_10 = ['3', '6', '10'];
const DROPPED_OF_10 = ['23', '24', '39'];
const NEITHER_OF_10 = ['2', '4', '5'];

describe('the partner of the engagement example', () => {
  let folder: string;
  let partner: Partner;

  const start = async (faults: Faults = { refuseEvery: 0, dropEvery: 0 }): Promise<void> => {
    partner = await startPartner({ port: 0, folder, token: TOKEN, faults });
  };
  const play = (key: string | null, body: unknown = { play: key }, headers: Record<string, string> = AUTHORIZED): Promise<Response> =>
    fetch(`${partner.url}/plays`, { method: 'POST', headers: key === null ? headers : { ...headers, 'idempotency-key': key }, body: JSON.stringify(body) });
  const admin = async (path: string): Promise<string> => (await fetch(`${partner.url}/admin/${path}`, { headers: AUTHORIZED })).text();
  const stats = async (): Promise<Record<string, number>> => JSON.parse(await admin('stats')) as Record<string, number>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'partner-'));
  });
  afterEach(async () => {
    await partner.close();
    await rm(folder, { recursive: true });
  });

  it('takes calls with the token only, and with an Idempotency-Key only', async () => {
    await start();
    expect((await play('1', {}, { 'content-type': 'application/json' })).status).to.equal(401);
    expect((await play('1', {}, { ...AUTHORIZED, authorization: 'Bearer another-token-here' })).status).to.equal(401);
    expect((await play(null)).status).to.equal(400);
    expect(await stats()).to.include({ accepted: 0 });
  });

  it('takes a quoted key and a bare one for the same', async () => {
    await start();
    expect((await play('"1"', {})).status).to.equal(201);
    expect((await play('1', {})).headers.get('idempotent-replayed')).to.equal('true');
    expect((await play('"', {})).status).to.equal(400);
    expect(await stats()).to.include({ accepted: 1 });
  });

  it('counts a call once and answers its replay as before', async () => {
    await start();
    const first = await play('1');
    const again = await play('1');
    expect([first.status, again.status]).to.deep.equal([201, 201]);
    expect(await again.json()).to.deep.equal(await first.json());
    expect([first.headers.get('idempotent-replayed'), again.headers.get('idempotent-replayed')]).to.deep.equal([null, 'true']);
    expect(await stats()).to.include({ calls: 2, accepted: 1, replayed: 1 });
  });

  it('answers 422 when a key comes with another payload', async () => {
    await start();
    await play('1', { seconds: 1 });
    expect((await play('1', { seconds: 2 })).status).to.equal(422);
    expect(await stats()).to.include({ accepted: 1, replayed: 0 });
  });

  it('refuses the same keys every time', async () => {
    await start({ refuseEvery: 10, dropEvery: 0 });
    for (const key of REFUSED_OF_10) for (let attempt = 0; attempt < 2; attempt += 1) expect((await play(key)).status, key).to.equal(422);
    for (const key of NEITHER_OF_10) expect((await play(key)).status, key).to.equal(201);
    expect(await stats()).to.include({ accepted: NEITHER_OF_10.length, refused: REFUSED_OF_10.length });
  });

  it('drops the connection of some calls after accepting them, the first time only', async () => {
    await start({ refuseEvery: 0, dropEvery: 10 });
    for (const key of DROPPED_OF_10) {
      const failed = await play(key).then(() => false, () => true);
      expect(failed, `${key}: dropped`).to.equal(true);
    }
    expect(await stats()).to.include({ accepted: DROPPED_OF_10.length, dropped: DROPPED_OF_10.length, waiting: DROPPED_OF_10.length });
    for (const key of DROPPED_OF_10) expect((await play(key)).status, key).to.equal(201);
    expect(await stats()).to.include({ accepted: DROPPED_OF_10.length, replayed: DROPPED_OF_10.length, waiting: 0 });
  });

  it('goes on with its totals after a restart', async () => {
    await start({ refuseEvery: 10, dropEvery: 10 });
    await play('2');
    await play(REFUSED_OF_10[0]!);
    await play(DROPPED_OF_10[0]!).catch(() => undefined);
    await partner.close();
    await start({ refuseEvery: 10, dropEvery: 10 });
    expect(await stats()).to.include({ accepted: 2, refused: 1, dropped: 1, waiting: 1 });
    expect((await play('2')).headers.get('idempotent-replayed')).to.equal('true');
    expect((await play(DROPPED_OF_10[0]!)).status).to.equal(201);
    const accepted = (await admin('accepted')).trim().split('\n').map((line) => (JSON.parse(line) as { key: string }).key);
    expect(accepted).to.deep.equal(['2', DROPPED_OF_10[0]]);
  });

  it('can be taken down for a while', async () => {
    await start();
    const set = await fetch(`${partner.url}/admin/faults`, { method: 'POST', headers: AUTHORIZED, body: JSON.stringify({ down: 60_000 }) });
    expect(set.status).to.equal(200);
    const down = await play('1');
    expect([down.status, down.headers.get('retry-after')]).to.deep.equal([503, '1']);
    await fetch(`${partner.url}/admin/faults`, { method: 'POST', headers: AUTHORIZED, body: JSON.stringify({ down: 0 }) });
    expect((await play('1')).status).to.equal(201);
  });

  it('takes one of two equal calls at the same moment', async () => {
    await start();
    const answers = await Promise.all([play('1'), play('1')]);
    expect(answers.map((a) => a.status).sort()[0]).to.equal(201);
    expect(await stats()).to.include({ accepted: 1 });
  });
});
