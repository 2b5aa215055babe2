import { expect } from 'chai';
import { describe, it } from 'mocha';
import { nearest } from '../../lib/connect/near.ts';

const KEYS = ['database.password', 'database.user', 'table.include.list', 'table.exclude.list', 'tasks.max', 'topic.prefix', 'key.converter.apicurio.registry.use-id', 'slot.name'];

describe('the nearest name', () => {
  const names: readonly (readonly [written: string, meant: string | undefined])[] = [
    ['database.pasword', 'database.password'],
    ['datbase.password', 'database.password'],
    ['database.passwrod', 'database.password'],
    ['table.includelist', 'table.include.list'],
    ['Table.Include.List', 'table.include.list'],
    ['max.tasks', 'tasks.max'],
    ['key.converter.apicurio.use-id', 'key.converter.apicurio.registry.use-id'],
    ['slot.nam', 'slot.name'],
    ['entirely.different', undefined],
    ['x', undefined],
  ];
  for (const [written, meant] of names) it(`of ${written} is ${meant ?? 'none'}`, () => expect(nearest(written, KEYS)).to.equal(meant));
});
