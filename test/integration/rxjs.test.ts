/** RxJS inside a topology, as docs/RXJS.md shows it: a lookup that comes and goes, on the real stack. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { WorkerEvent } from 'millrace';
import { lookups, type EnrichedOrder } from './runtime/lookups.ts';
import { Handles } from './support/handles.ts';
import { eventually, Lab } from './support/lab.ts';

const COUNTRIES = ['DE', 'FR', 'PL'];
const OUTAGE_MS = 2_000;

/** Knows the customers c0, c1, ...; each 20th request meets a server that is busy. */
class CustomerLookup {
  port = 0;
  requests = 0;
  atOnce = 0;
  mostAtOnce = 0;
  readonly asked = new Map<string, number>();
  /** While it is set, requests are taken and not answered; their times, ms. */
  silent: { readonly askedMs: number[] } | null = null;
  #server: Server | null = null;

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async up(): Promise<void> {
    this.#server = createServer((request, response) => {
      const customer = request.url!.replace('/customers/', '');
      this.requests += 1;
      this.atOnce += 1;
      this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
      response.on('close', () => { this.atOnce -= 1; });
      this.asked.set(customer, (this.asked.get(customer) ?? 0) + 1);
      if (this.silent !== null) {
        this.silent.askedMs.push(performance.now());
        return;
      }
      const known = /^c(\d+)$/.exec(customer);
      setTimeout(() => {
        if (this.requests % 20 === 0 && known !== null) response.writeHead(503).end();
        else if (known === null) response.writeHead(404).end();
        else response.end(JSON.stringify({ country: COUNTRIES[Number(known[1]) % COUNTRIES.length] }));
      }, 3);
    }).listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
  }

  async down(): Promise<void> {
    if (this.#server === null) return;
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

const orders = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => ({ key: `o${from + i}`, value: JSON.stringify({ id: from + i, customer: from + i === 7 ? 'nobody' : `c${(from + i) % 11}` }) }));
const idsTo = (end: number): number[] => Array.from({ length: end }, (_, id) => id).filter((id) => id !== 7);

interface Seen {
  readonly committed: number;
  readonly ids: readonly number[];
  readonly aborts: number;
}

describe('enriching by an HTTP lookup, with retry and timeout of RxJS', function () {
  this.timeout(180_000);
  const handles = new Handles();
  const lookup = new CustomerLookup();
  const events: WorkerEvent[] = [];
  let lab: Lab;
  let topic: string;
  /** Before the lookup went away, and the most lookups at once until then. */
  let first: Seen;
  let mostAtOnce: number;
  /** While it was away, and after. */
  let away: Seen;
  let back: Seen;
  /** While it was away in the middle of its answers: orders behind the committed offsets, and what had come out. */
  let behindOffsets: readonly number[];
  let outThen: readonly number[];
  let last: Seen;
  /** While it took one order's requests without an answer: when it was asked, what the first abort said, and what was seen; then what was seen after. */
  let askedMs: readonly number[];
  let refusal: WorkerEvent;
  let silent: Seen;
  let end: Seen;

  const offsets = async (): Promise<Map<number, number>> => {
    const [found] = await (await lab.admin()).fetchOffsets({ groupId: `${lab.app}.${topic}`, topics: [topic] });
    return new Map(found!.partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]));
  };
  const committed = async (): Promise<number> => [...(await offsets()).values()].reduce((sum, offset) => sum + offset, 0);
  const untilCommitted = async (count: number): Promise<void> => {
    let now = 0;
    await eventually(async () => (now = await committed()) === count, () => `${count} orders are committed, ${now} are; ${JSON.stringify(events.slice(-3))}`);
  };
  const enriched = async (): Promise<number[]> => (await lab.readJson<EnrichedOrder>(`${lab.app}.enriched`)).map(({ id }) => id).sort((a, b) => a - b);
  const aborts = (): number => events.filter(({ type }) => type === 'aborted').length;
  const seen = async (): Promise<Seen> => ({ committed: await committed(), ids: await enriched(), aborts: aborts() });

  before(async () => {
    lab = new Lab('rxjs');
    topic = await lab.topic('orders', 3);
    await lookup.up();
    const { handle } = handles.start(lookups(lab.app, lookup.url));
    handle.events$.subscribe((event) => events.push(event));
    await lab.send(topic, orders(0, 300));
    await untilCommitted(300);
    first = await seen();
    mostAtOnce = lookup.mostAtOnce;

    await lookup.down();
    await lab.send(topic, orders(300, 500));
    await eventually(() => aborts() >= 3, () => 'each task has begun again');
    await delay(OUTAGE_MS);
    away = await seen();
    await lookup.up();
    await untilCommitted(500);
    back = await seen();

    const before = lookup.requests;
    await lab.send(topic, orders(500, 2_000));
    await eventually(() => lookup.requests > before + 400, () => 'some lookups of these are done');
    await lookup.down();
    const then = await offsets();
    outThen = await enriched();
    behindOffsets = (await lab.read(topic)).filter(({ partition, offset }) => offset < then.get(partition)!).map(({ value }) => (JSON.parse(String(value)) as EnrichedOrder).id);
    await lookup.up();
    await untilCommitted(2_000);
    last = await seen();

    const silence = { askedMs: [] as number[] };
    lookup.silent = silence;
    const abortsBefore = aborts();
    await lab.send(topic, orders(2_000, 2_001));
    await eventually(() => aborts() > abortsBefore, () => 'the task of that order has begun again');
    askedMs = [...silence.askedMs];
    refusal = events.filter(({ type }) => type === 'aborted')[abortsBefore]!;
    silent = await seen();
    lookup.silent = null;
    await untilCommitted(2_001);
    end = await seen();
  });
  after(async () => {
    await handles.stop();
    await lookup.down();
    await lab.close();
  });

  it('puts each order out once, though the lookup is busy now and then', () => {
    expect(first).to.deep.equal({ committed: 300, ids: idsTo(300), aborts: 0 });
  });

  it('asks for as many orders of a task at once as it may', () => {
    expect(mostAtOnce).to.be.within(9, 3 * 8);
  });

  it('makes an order a dead letter whose lookup has no answer, and asks once', async () => {
    const letters = await lab.read(`${lab.app}-${topic}-dlq`);
    expect(letters.map(({ key, value }) => [key, String(value)])).to.deep.equal([['o7', JSON.stringify({ id: 7, customer: 'nobody' })]]);
    expect(letters[0]!.headers).to.include({ '__streams.errors.exception': 'DeadLetterError', '__streams.errors.message': 'the lookup knows no such customer' });
    expect(lookup.asked.get('nobody')).to.equal(1);
    expect(events.filter(({ type }) => type === 'deadLetter')).to.have.length(1);
  });

  it('passes no order while the lookup is away', () => {
    expect(away).to.deep.include({ committed: 300, ids: idsTo(300) });
  });

  it('goes on when the lookup is back, with nothing lost and nothing twice', () => {
    expect(back).to.deep.include({ committed: 500, ids: idsTo(500) });
  });

  it('passes no unfinished order when the lookup goes away in the middle of its answers', () => {
    expect(behindOffsets.length).to.be.within(500, 1_999);
    expect(behindOffsets.filter((id) => id !== 7 && !outThen.includes(id))).to.deep.equal([]);
    expect(last).to.deep.include({ committed: 2_000, ids: idsTo(2_000) });
  });

  it('asks again after 500 ms without an answer, three times in all; then the order waits until the lookup answers', () => {
    const gapsMs = askedMs.slice(0, 3).map((atMs, i) => atMs - (askedMs[i - 1] ?? -Infinity));
    expect(askedMs.length).to.be.at.least(3);
    expect(gapsMs.every((gapMs) => gapMs >= 500), gapsMs.join(', ')).to.equal(true);
    const { error } = refusal as Extract<WorkerEvent, { readonly type: 'aborted' }>;
    expect((error as Error).message).to.include('the customer lookup is away');
    expect(((error as Error).cause as Error).name).to.equal('TimeoutError');
    expect(silent).to.deep.include({ committed: 2_000, ids: idsTo(2_000) });
    expect(end).to.deep.include({ committed: 2_001, ids: idsTo(2_001) });
  });

  it('gives each order its own customer', async () => {
    const countries = new Map((await lab.readJson<EnrichedOrder>(`${lab.app}.enriched`)).map(({ customer, country }) => [customer, country]));
    expect([...countries].sort()).to.deep.equal(Array.from({ length: 11 }, (_, c) => [`c${c}`, COUNTRIES[c % 3]]).sort());
  });

  it('stays in its group all the time', () => {
    expect(events.filter(({ type }) => type === 'assigned')).to.have.length(1);
  });
});
