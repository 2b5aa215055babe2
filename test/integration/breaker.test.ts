/** A sink that is down for a while, on the real stack: its breaker, its branch, and everybody else. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { WorkerEvent } from 'millrace';
import { json, stream, to, topology } from 'millrace/topology';
import { http, kafka } from 'millrace/sinks';
import { systemClock } from '../../lib/core/clock.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import { kafkaPort } from '../../lib/kafka/kafkajs/index.ts';
import type { KafkaPort } from '../../lib/kafka/port.ts';
import { healthOf, type Health } from '../../lib/server/index.ts';
import { Handles, type KeptLog } from './support/handles.ts';
import { eventually, Lab } from './support/lab.ts';

const OUTAGE_MS = 8_000;
const PARTITIONS = 3;
const QUEUE_BYTES = 32_768;
const FETCH_BYTES = 16_384;
const RECORD_BYTES = 500;
const SENT_IN_OUTAGE = 6_000;
const SEND_EVERY_MS = 100;

interface Item { readonly id: number; readonly filling: string }

/** Takes items; answers 503 while it is down, and counts who asks. */
class Partner {
  port = 0;
  isDown = false;
  readonly taken = new Map<string, number>();
  /** While it is down: when each request came, and how many were there at once. */
  readonly askedAt: number[] = [];
  atOnce = 0;
  readonly mostAtOnce: { at: number; requests: number }[] = [];
  readonly server = createServer((request, response) => {
    if (request.method === 'HEAD') return void response.end();
    this.atOnce += 1;
    if (this.isDown) {
      this.askedAt.push(performance.now());
      this.mostAtOnce.push({ at: performance.now(), requests: this.atOnce });
    }
    request.resume().on('end', () => {
      setTimeout(() => {
        this.atOnce -= 1;
        if (this.isDown) return void response.writeHead(503).end();
        const key = String(request.headers['idempotency-key']);
        this.taken.set(key, (this.taken.get(key) ?? 0) + 1);
        response.end();
      }, this.isDown ? 20 : 0);
    });
    return undefined;
  });

  async up(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = (this.server.address() as AddressInfo).port;
  }
}

/** The port, with the bytes that each of its readers has fetched: each stage has one. */
const counted = (port: KafkaPort, fetched: number[]): KafkaPort => ({
  ...port,
  reader: () => {
    const reader = port.reader();
    const index = fetched.push(0) - 1;
    return {
      fetch: async (positions, limits) => {
        const batches = await reader.fetch(positions, limits);
        for (const { byteLength } of batches) fetched[index]! += byteLength;
        return batches;
      },
      endOffsets: (partitions, isolation) => reader.endOffsets(partitions, isolation),
      startOffsets: (partitions) => reader.startOffsets(partitions),
      close: () => reader.close(),
    };
  },
});

describe('a sink that is down for a while', function () {
  this.timeout(180_000);
  const handles = new Handles();
  const partner = new Partner();
  const events: { readonly at: number; readonly event: WorkerEvent }[] = [];
  const fetched: number[] = [];
  let lab: Lab;
  let log: KeptLog;
  let downAt: number;
  let upAt: number;
  let closedAt: number;
  /** How long the other branch had nothing to show, at most. */
  let longestGapMs = 0;
  let fetchedInOutage: readonly number[];
  let lagInOutage: number;
  let lagMsInOutage: number;
  let outageMs: number;
  let stateInOutage: string | null;
  let health: Health;

  const messages = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => ({ key: `k${from + i}`, value: JSON.stringify({ id: from + i, filling: 'x'.repeat(RECORD_BYTES) }) }));
  const states = (): { readonly at: number; readonly state: string }[] => events.flatMap(({ at, event }) => (event.type === 'sinkState' ? [{ at, state: event.state }] : []));

  before(async () => {
    lab = new Lab('breaker');
    await partner.up();
    const topic = await lab.topic('items', PARTITIONS);
    const items = stream(topic, json<Item>());
    const port = kafkaPort({ brokers: lab.brokers.split(','), clientId: lab.app, requestTimeoutMs: 10_000, clock: systemClock, log: silentLogger });
    const started = handles.start(topology(lab.app,
      items.pipe(to('partner', http({ url: `http://127.0.0.1:${partner.port}/items`, body: ({ id }) => ({ id }), idempotencyKey: ({ id }) => id, concurrency: 4 }), { batch: { records: 200, waitMs: 20 } })),
      items.pipe(to('copy', kafka(`${lab.app}.copy`, json<Item>()))),
    ), { port: counted(port, fetched), settings: { queueBytes: QUEUE_BYTES, fetchPartitionBytes: FETCH_BYTES, breakerOpenMaxMs: 2_000 } });
    ({ log } = started);
    const { handle } = started;
    handle.events$.subscribe((event) => events.push({ at: performance.now(), event }));
    await lab.send(topic, messages(0, 300));
    await eventually(() => partner.taken.size === 300, () => 'the first items are with the partner');
    await eventually(() => handle.figures().stages.every(({ lagRecords }) => lagRecords === 0), () => 'no lag before the outage');

    const atStart = [...fetched];
    partner.isDown = true;
    downAt = performance.now();
    const copied = (): number => events.reduce((sum, { event }) => sum + (event.type === 'committed' && event.stage === topic ? event.records : 0), 0);
    let grewAt = performance.now();
    let known = copied();
    const watch = setInterval(() => {
      if (copied() > known) {
        longestGapMs = Math.max(longestGapMs, performance.now() - grewAt);
        known = copied();
        grewAt = performance.now();
      }
    }, 10);
    const rounds = OUTAGE_MS / SEND_EVERY_MS;
    for (let round = 0; round < rounds; round += 1) {
      await lab.send(topic, messages(300 + (round * SENT_IN_OUTAGE) / rounds, 300 + ((round + 1) * SENT_IN_OUTAGE) / rounds));
      await delay(downAt + (round + 1) * SEND_EVERY_MS - performance.now());
    }
    clearInterval(watch);
    longestGapMs = Math.max(longestGapMs, performance.now() - grewAt);
    fetchedInOutage = fetched.map((bytes, i) => bytes - (atStart[i] ?? 0));
    const stage = handle.figures().stages.find(({ sink }) => sink === 'partner')!;
    ({ lagRecords: lagInOutage, lagMs: lagMsInOutage, breaker: stateInOutage } = stage);
    outageMs = performance.now() - downAt;
    health = healthOf(handle.figures());

    partner.isDown = false;
    upAt = performance.now();
    await eventually(() => partner.taken.size === 300 + SENT_IN_OUTAGE, () => `all items are with the partner, not ${partner.taken.size}`);
    await eventually(() => handle.figures().stages.every(({ lagRecords }) => lagRecords === 0), () => 'no lag is left');
    closedAt = states().at(-1)!.at;
  });
  after(async () => {
    await handles.stop();
    partner.server.closeAllConnections();
    partner.server.close();
    await lab.close();
  });

  it('opens its breaker within five seconds', () => {
    const opened = states().find(({ state }) => state === 'open');
    expect(opened!.at - downAt).to.be.within(1, 5_000);
    expect(stateInOutage).to.be.oneOf(['open', 'half-open']);
  });

  it('is asked by one attempt at a time from then on, and seldom', () => {
    const openedAt = states().find(({ state }) => state === 'open')!.at;
    // What was under way when it opened is tried to its end.
    const probesAt = states().filter(({ state, at }) => state === 'half-open' && at > openedAt + 1_500 && at < upAt).map(({ at }) => at);
    expect(probesAt.length).to.be.within(2, 12);
    const asked = partner.mostAtOnce.filter(({ at }) => at >= probesAt[0]!);
    expect(Math.max(...asked.map(({ requests }) => requests))).to.equal(1);
    // One request each; the last may have met the partner when it was back.
    expect(asked.length).to.be.within(probesAt.length - 1, probesAt.length);
  });

  it('closes its breaker when it works again, and gets everything', () => {
    expect(states().at(-1)!.state).to.equal('closed');
    expect(closedAt - upAt).to.be.within(0, 4_000);
    expect([...partner.taken.keys()].map((key) => Number(key.replaceAll('"', ''))).sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 300 + SENT_IN_OUTAGE }, (_, id) => id));
  });

  it('holds its branch, with a bounded queue: the rest waits in Kafka', () => {
    const [least, most] = [...fetchedInOutage].sort((a, b) => a - b).slice(-2) as [number, number];
    expect(most, 'what the other branch has read').to.be.above(SENT_IN_OUTAGE * RECORD_BYTES * 0.9);
    // Each task: a full queue, what was fetched over it, and what is on its way to the sink; a fetch may bring a whole record batch.
    expect(least).to.be.below(PARTITIONS * (QUEUE_BYTES + 4 * FETCH_BYTES + 75 * RECORD_BYTES));
    expect(lagInOutage).to.be.above(SENT_IN_OUTAGE / 2);
    // The first that waits was sent when the outage began, whatever was read since.
    expect(lagMsInOutage).to.be.within(outageMs / 2, outageMs + 1_000);
  });

  it('makes its worker no less ready, which says why it waits', () => {
    expect(health).to.deep.include({ live: true, ready: true, waiting: [] });
    expect(health.sinksDown).to.have.length(1);
    expect(health.sinksDown[0]).to.match(/^sink partner is down, and its stage waits: .*503/);
  });

  it('does not hold up the other branch', async () => {
    expect(longestGapMs).to.be.below(1_500);
    expect(await lab.readJson(`${lab.app}.copy`)).to.have.length(300 + SENT_IN_OUTAGE);
  });

  it('costs nobody the membership in its group', () => {
    const assigned = events.flatMap(({ event }) => (event.type === 'assigned' ? [`${event.stage} ${event.partitions.join(' ')}`] : []));
    expect(assigned.sort()).to.deep.equal(['partner 0 1 2', `${lab.app}.items 0 1 2`]);
    expect(events.filter(({ event }) => ['aborted', 'fenced', 'error'].includes(event.type))).to.deep.equal([]);
  });

  it('is in the log when it goes and when it comes, not each time it is asked', () => {
    expect(log.said('its breaker is open').length).to.be.within(1, 2);
    expect(log.said('its breaker is closed')).to.have.length(1);
    expect(log.lines.filter(({ level }) => level === 'warn').length).to.be.below(6);
  });
});
