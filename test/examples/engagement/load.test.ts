import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Load } from '../../../examples/engagement/generator/load.ts';

const NOW_MS = Date.parse('2026-03-01T12:00:00Z');

const make = (seed: number, events: number) => {
  const load = new Load(seed, []);
  const contents = load.firstContents(NOW_MS);
  return { load, contents, events: Array.from({ length: events }, (_, i) => load.event(NOW_MS - events + i, NOW_MS)) };
};

describe('the load of the engagement example', () => {
  it('is the same for the same seed and another for another', () => {
    const first = make(7, 500);
    const again = make(7, 500);
    expect(again.contents).to.deep.equal(first.contents);
    expect(again.events).to.deep.equal(first.events);
    expect(make(8, 500).events).to.not.deep.equal(first.events);
  });

  for (const count of [2_000, 20_000]) {
    it(`has every special thing among ${count} events, and few of them`, () => {
      for (const seed of [1, 2, 3]) {
        const { made } = make(seed, count).load;
        for (const name of ['negativeDuration', 'unknownType', 'fromTheFuture', 'overHundred', 'lengthZero', 'beforePublication'] as const) {
          expect(made[name], `${name}, seed ${seed}`).to.be.within(count / 1_000, count / 5);
        }
        expect(made.withoutLength).to.be.greaterThan(count / 1_000);
        expect(made.clicks).to.be.within(count * 0.08, count * 0.16);
      }
    });
  }

  it('has a few hot contents', () => {
    const { events } = make(1, 5_000);
    const counts = new Map<string, number>();
    for (const event of events) counts.set(event.contentId, (counts.get(event.contentId) ?? 0) + 1);
    const hottest = [...counts.values()].sort((a, b) => b - a);
    expect(hottest.slice(0, 6).reduce((a, b) => a + b)).to.be.greaterThan(5_000 * 0.35);
    expect(counts.size).to.be.greaterThan(40);
  });

  it('lets about three in ten events be finished plays, each started before by the same user', () => {
    const { events } = make(1, 5_000);
    const started = new Set<string>();
    let finished = 0;
    let unstarted = 0;
    for (const event of events) {
      const session = `${event.userId} ${event.contentId}`;
      if (event.eventType === 'play') started.add(session);
      if (event.eventType !== 'finish') continue;
      finished += 1;
      if (!started.has(session)) unstarted += 1;
    }
    expect(finished).to.be.within(1_200, 1_900);
    expect(unstarted).to.be.lessThan(40);
  });

  it('writes times with microseconds, none between half an hour and two hours ahead', () => {
    for (const event of make(1, 5_000).events) {
      expect(event.eventTs).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      const aheadMs = Date.parse(event.eventTs) - Date.parse(event.sentAt);
      expect(aheadMs < 1_800_000 || aheadMs > 7_200_000).to.equal(true);
    }
  });

  it('edits titles and lengths, and never the contents that the odd events need', () => {
    const { load, contents } = make(3, 0);
    const odd = contents.slice(0, 3).map((c) => c.id);
    const edits = Array.from({ length: 200 }, () => load.editContent(NOW_MS));
    expect(edits.filter((c) => odd.includes(c.id))).to.deep.equal([]);
    const before = new Map(contents.map((c) => [c.id, c]));
    let titles = 0;
    let lengths = 0;
    for (const content of edits) {
      const old = before.get(content.id)!;
      if (old.title !== content.title) titles += 1;
      if (old.lengthSeconds !== content.lengthSeconds) lengths += 1;
      before.set(content.id, content);
    }
    expect(titles).to.be.greaterThan(100);
    expect(lengths).to.be.greaterThan(100);
  });

  it('goes on from contents that exist and makes what is missing', () => {
    const { contents } = make(1, 0);
    const withLength = contents.filter((c) => c.lengthSeconds !== null);
    const more = new Load(2, withLength).firstContents(NOW_MS);
    expect(more[0]!.lengthSeconds).to.equal(null);
    expect(more.length).to.equal(contents.length - withLength.length);
    expect(new Set([...withLength, ...more].map((c) => c.slug)).size).to.equal(contents.length);
  });
});
