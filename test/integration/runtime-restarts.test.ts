/** One of three workers is restarted: its tasks move and come back to its disk, and nobody else's task notices. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { RestartLab, type Restart } from './support/restarts.ts';

describe('a restart of one of three workers', function () {
  this.timeout(120_000);
  const lab = new RestartLab('restarts', 6);

  before(() => lab.begin());
  after(() => lab.close());

  const expectOwnTasksOnly = ({ before: held, after: again, disturbed, fromDisk }: Restart): void => {
    expect(held).to.have.length(2);
    expect(again).to.deep.equal(held);
    expect(disturbed).to.deep.equal([]);
    expect(fromDisk).to.equal(held.length);
  };

  it('by SIGTERM moves its own tasks only, and gives them back to it, where their state is', async () => {
    const restart = await lab.restart(1, 'SIGTERM');
    expectOwnTasksOnly(restart);
    expect(restart.rebalances).to.equal(2);
    expect(Math.max(...restart.keptMs)).to.be.below(5_000);
  });

  it('by SIGKILL too, once its session has timed out', async () => {
    const restart = await lab.restart(2, 'SIGKILL');
    expectOwnTasksOnly(restart);
    expect(restart.rebalances).to.be.within(1, 2);
    // How long a kept task waits depends on whether the killed worker had a transaction open on what it reads.
    expect(Math.max(...restart.movedMs)).to.be.within(4_000, 20_000);
  });

  it('of another one gives back its own tasks too, though others have been guests on its disk', async () => expectOwnTasksOnly(await lab.restart(0, 'SIGTERM')));

  it('counts every record once', async () => expect(await lab.drain()).to.equal(lab.sent));
});
