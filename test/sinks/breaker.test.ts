import { expect } from 'chai';
import { describe, it } from 'mocha';
import { RejoinError, RetryError } from '../../lib/core/errors.ts';
import { attemptThrough, Breaker, type Pass } from '../../lib/sinks/breaker.ts';
import { ManualClock } from '../runtime/support.ts';

const down = new RetryError('connection refused');

const made = (chance = 1) => {
  const clock = new ManualClock();
  clock.chance = chance;
  const breaker = new Breaker({ clock, failures: 3, openMs: 1_000, openMaxMs: 5_000 });
  const states: string[] = [];
  breaker.changes$.subscribe(({ state, openMs }) => states.push(openMs === null ? state : `${state} ${openMs}`));
  const fail = (times: number, error = down): void => {
    for (let i = 0; i < times; i += 1) breaker.failed(breaker.enter()!, error);
  };
  return { clock, breaker, states, fail };
};

describe('a circuit breaker', () => {
  it('lets any number of attempts through while it is closed', () => {
    const { breaker } = made();
    expect([breaker.enter(), breaker.enter(), breaker.enter()].map((pass) => pass?.probe)).to.deep.equal([false, false, false]);
    expect(breaker.waitMs()).to.equal(0);
  });

  it('opens after so many failures in a row, and no attempt is let through', () => {
    const { breaker, states, fail } = made();
    fail(2);
    expect(breaker.state).to.equal('closed');
    fail(1);
    expect(breaker.state).to.equal('open');
    expect(breaker.enter()).to.equal(null);
    expect(breaker.waitMs()).to.equal(1_000);
    expect(states).to.deep.equal(['open 1000']);
  });

  it('counts failures in a row only', () => {
    const { breaker, fail } = made();
    fail(2);
    breaker.succeeded(breaker.enter()!);
    fail(2);
    expect(breaker.state).to.equal('closed');
  });

  it('lets exactly one attempt through after its time', async () => {
    const { clock, breaker, fail } = made();
    fail(3);
    await clock.advance(999);
    expect(breaker.enter()).to.equal(null);
    await clock.advance(1);
    expect(breaker.enter()).to.deep.equal({ probe: true });
    expect(breaker.state).to.equal('half-open');
    expect([breaker.enter(), breaker.enter(), breaker.waitMs()]).to.deep.equal([null, null, null]);
  });

  it('closes when that attempt succeeds, and then takes as many failures as before', async () => {
    const { clock, breaker, states, fail } = made();
    fail(3);
    await clock.advance(1_000);
    breaker.succeeded(breaker.enter()!);
    expect(breaker.state).to.equal('closed');
    fail(2);
    expect(breaker.state).to.equal('closed');
    fail(1);
    expect(states).to.deep.equal(['open 1000', 'half-open', 'closed', 'open 1000']);
  });

  it('opens for longer each time that attempt fails, up to a limit', async () => {
    const { clock, states, fail } = made();
    fail(3);
    for (const waitMs of [1_000, 2_000, 4_000, 5_000]) {
      await clock.advance(waitMs);
      fail(1);
    }
    expect(states.filter((state) => state !== 'half-open')).to.deep.equal(['open 1000', 'open 2000', 'open 4000', 'open 5000', 'open 5000']);
  });

  for (const [chance, openMs] of [[0, 500], [0.5, 750], [1, 1_000]] as const) {
    it(`stays open for between half of its time and all of it: ${openMs} ms at a chance of ${chance}`, () => {
      const { breaker, fail } = made(chance);
      fail(3);
      expect(breaker.waitMs()).to.equal(openMs);
    });
  }

  it('stays open as long as the sink itself asks', () => {
    const { breaker, fail } = made();
    fail(3, new RetryError('busy', { retryAfterMs: 60_000 }));
    expect(breaker.waitMs()).to.equal(60_000);
  });

  it('makes nothing of attempts that began before it opened', async () => {
    const { clock, breaker, states, fail } = made();
    const [late, slow] = [breaker.enter()!, breaker.enter()!];
    fail(3);
    breaker.failed(late, down);
    breaker.succeeded(slow);
    expect(states).to.deep.equal(['open 1000']);
    await clock.advance(1_000);
    const probe = breaker.enter()!;
    breaker.succeeded(slow);
    breaker.failed(late, down);
    expect(breaker.state).to.equal('half-open');
    breaker.succeeded(probe);
    expect(breaker.state).to.equal('closed');
  });

  it('makes nothing of them after it was closed again either', async () => {
    const { clock, breaker, states, fail } = made();
    const late = [breaker.enter()!, breaker.enter()!, breaker.enter()!];
    fail(3);
    await clock.advance(1_000);
    breaker.succeeded(breaker.enter()!);
    for (const pass of late) breaker.failed(pass, down);
    expect(breaker.state).to.equal('closed');
    fail(2);
    breaker.succeeded(late[0]!);
    fail(1);
    expect(states, 'nor does a late success take failures back').to.deep.equal(['open 1000', 'half-open', 'closed', 'open 1000']);
  });

  it('lets the next one try when the attempt was given up', async () => {
    const { clock, breaker, fail } = made();
    fail(3);
    await clock.advance(1_000);
    breaker.abandoned(breaker.enter()!);
    expect(breaker.waitMs()).to.equal(0);
    const next = breaker.enter() as Pass;
    expect(next.probe).to.equal(true);
    breaker.failed(next, down);
    expect(breaker.waitMs()).to.equal(2_000);
  });

  it('is not closed or opened twice by an attempt that was given up and still answers', async () => {
    const { clock, breaker, fail } = made();
    fail(3);
    await clock.advance(1_000);
    const first = breaker.enter()!;
    breaker.abandoned(first);
    breaker.enter();
    breaker.succeeded(first);
    expect(breaker.state).to.equal('half-open');
  });

  it('goes on when somebody who hears of its changes asks at once', async () => {
    const { clock, breaker, fail } = made();
    fail(3);
    await clock.advance(1_000);
    const inside: (Pass | null)[] = [];
    breaker.changes$.subscribe(({ state }) => { if (state !== 'half-open') inside.push(breaker.enter()); });
    breaker.succeeded(breaker.enter()!);
    expect(inside).to.deep.equal([{ probe: false }]);
  });
});

describe('an attempt through a breaker', () => {
  const after = async (work: Promise<unknown>): Promise<unknown> => work.then((value) => value, (error: unknown) => error);

  it('gives what the attempt gives', async () => {
    const { breaker } = made();
    expect(await attemptThrough(breaker, () => Promise.resolve(7))).to.equal(7);
  });

  it('is not made while the breaker is open, and says how long', async () => {
    const { clock, breaker } = made();
    for (let i = 0; i < 3; i += 1) expect(await after(attemptThrough(breaker, () => Promise.reject(down)))).to.equal(down);
    await clock.advance(400);
    let attempts = 0;
    const refused = await after(attemptThrough(breaker, () => Promise.resolve((attempts += 1))));
    expect(refused).to.be.instanceOf(RetryError).with.property('retryAfterMs', 600);
    expect(attempts).to.equal(0);
  });

  it('closes the breaker when it is the one that was let through', async () => {
    const { clock, breaker, fail } = made();
    fail(3);
    await clock.advance(1_000);
    await attemptThrough(breaker, () => Promise.resolve());
    expect(breaker.state).to.equal('closed');
  });

  it('leaves its turn to the next when another fault ends it', async () => {
    const { clock, breaker, fail } = made();
    fail(3);
    await clock.advance(1_000);
    const fenced = new RejoinError('fenced');
    expect(await after(attemptThrough(breaker, () => Promise.reject(fenced)))).to.equal(fenced);
    expect(breaker.enter()).to.deep.equal({ probe: true });
  });
});
