/** A user's own test. */
import { plan, type RunHandle } from 'millrace';
import { createDriver } from 'millrace/sinks';
import { drive } from 'millrace/testing';
import topology, { readings } from './topology.ts';

const driver = drive(topology);
for (const celsius of [10, 25, 20]) driver.input(readings).send({ place: 'roof', celsius });
// @ts-expect-error a reading has a number
if (Math.random() > 1) driver.input(readings).send({ place: 'roof', celsius: '10' });

const handle = null as RunHandle | null;
const result = {
  stages: plan(topology).stages.length,
  converted: driver.topic('user-converted').map(({ value }) => value),
  highest: [...driver.store('highest')],
  doors: [typeof createDriver, handle],
};
process.stdout.write(JSON.stringify(result));
