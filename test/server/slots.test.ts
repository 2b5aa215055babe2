import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { silentLogger } from '../../lib/core/logger.ts';
import { serve } from '../../lib/server/index.ts';
import { slotWatch, type SlotHealth } from '../../lib/server/slots.ts';
import { ManualClock, settled } from '../runtime/support.ts';
import { FakeWorker } from './support.ts';

const SLOT: SlotHealth = { slot: 'events', database: 'app', active: true, retainedBytes: 1, lagBytes: 0, walStatus: 'reserved', safeBytes: null };

/** A watch of a PostgreSQL that answers when told, on a clock of ours. */
class Bench {
  readonly clock = new ManualClock();
  readonly questions: PromiseWithResolvers<readonly SlotHealth[]>[] = [];
  readonly warnings: unknown[] = [];
  readonly known = slotWatch({
    clock: this.clock,
    log: { ...silentLogger, warn: (_, fields) => void this.warnings.push(fields?.['error']) },
    read: () => {
      const question = Promise.withResolvers<readonly SlotHealth[]>();
      this.questions.push(question);
      return question.promise;
    },
  });
}

describe('what metrics know of replication slots', () => {
  it('is the last answer, at once, while the next one is waited for', async () => {
    const { clock, questions, known } = new Bench();
    expect(known(), 'nothing is known yet').to.equal(undefined);
    questions[0]!.resolve([SLOT]);
    await settled();
    expect(known()).to.deep.equal([SLOT]);
    await clock.advance(5_000);
    expect(known()).to.deep.equal([SLOT]);
    expect(questions).to.have.length(2);
    questions[1]!.resolve([{ ...SLOT, active: false }]);
    await settled();
    expect(known()).to.deep.equal([{ ...SLOT, active: false }]);
    expect(questions, 'that is fresh').to.have.length(2);
  });

  it('is asked for by one question at a time, and given up after a while', async () => {
    const { clock, questions, known, warnings } = new Bench();
    known();
    questions[0]!.resolve([SLOT]);
    await clock.advance(5_000);
    for (let second = 0; second < 9; second += 1) {
      expect(known()).to.deep.equal([SLOT]);
      await clock.advance(1_000);
    }
    expect(questions).to.have.length(2);
    await clock.advance(2_000);
    expect(known()).to.equal(null);
    expect(warnings).to.deep.equal(['no answer within 10 s']);
    expect(questions).to.have.length(3);
  });

  it('is nothing after an error, which the log has without the password', async () => {
    const { questions, known, warnings } = new Bench();
    known();
    questions[0]!.reject(new Error('no way to postgres://app:hunter2@db/app'));
    await settled();
    expect(known()).to.equal(null);
    expect(warnings).to.deep.equal(['no way to postgres://[redacted]@db/app']);
  });

  it('holds up no scrape: a PostgreSQL that takes connections and says nothing', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => void sockets.push(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const server = await serve(new FakeWorker(), { environment: { MILLRACE_SLOTS_URL: `postgres://app:app@127.0.0.1:${(silent.address() as AddressInfo).port}/app` } });
    try {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      expect(text.split('\n').filter((line) => /^millrace_(slot|worker)/.test(line)), 'nobody has answered').to.deep.equal(['millrace_worker_ready 1']);
    } finally {
      await server.close();
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
  });
});
