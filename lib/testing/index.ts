/** `millrace/testing`: run a topology in memory, without a broker. */
export { drive } from './driver.ts';
export type { ChangeInput, DriveOptions, Driver, SendOptions, TableInput, ValueInput } from './driver.ts';
export type { DrivenDeadLetter, DrivenRecord, SunkRecord } from './topics.ts';
