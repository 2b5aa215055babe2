import { expect } from 'chai';
import { describe, it } from 'mocha';
import { drive } from 'millrace/testing';
import shop, { customers, orders } from './guide/topology.ts';

describe('revenue per country', () => {
  it('adds up the orders of known customers, and keeps the others apart', () => {
    const driver = drive(shop);
    driver.table(customers).put({ id: 7n, country: 'DE' });
    const input = driver.input(orders);
    const order = { customer_id: 7n, amount: '10.50', placed_at: '2026-01-02T03:04:05Z' };
    input.insert({ ...order, id: 1n });
    input.insert({ ...order, id: 2n });
    input.insert({ ...order, id: 3n, customer_id: 8n });
    input.insert({ ...order, id: 4n, amount: '-1.00' });

    expect(driver.store('revenue').get('DE')).to.deep.equal({ orders: 2, cents: 2_100 });
    expect(driver.sink('revenue').at(-1)?.write).to.deep.include({ type: 'hash', key: 'revenue:DE', fields: { orders: 2, cents: 2_100 } });
    expect(driver.dropped()).to.deep.equal({ 'no-match': 1 });
    expect(driver.deadLetters().map(({ rule }) => rule)).to.deep.equal(['amountNotNegative']);
  });
});
