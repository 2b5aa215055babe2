/** `millrace/testing`: run a topology in memory, without a broker: record by record, or as in production while things go wrong. */
export { drive } from './driver.ts';
export type { ChangeInput, ChangeOptions, DriveOptions, Driver, SendOptions, TableInput, ValueInput } from './driver.ts';
export type { DrivenDeadLetter, DrivenRecord, SunkRecord } from './topics.ts';
export { simulate, SimulationError } from './simulate.ts';
export type { SimulatedRecord, SimulateOptions, Simulation } from './simulate.ts';
export { FAULTS } from './simulation/faults.ts';
export type { Fault } from './simulation/faults.ts';
export type { Random } from './random.ts';
