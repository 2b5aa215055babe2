/** Generated from customer.avsc by `millrace schemas types`: change that file and run it again. */
import { schema } from 'millrace/topology';

export interface Customer {
  readonly id: bigint;
  readonly country: string;
}

export const customer = schema<Customer>({ type: 'record', name: 'Customer', fields: [{ name: 'id', type: 'long' }, { name: 'country', type: 'string' }] });
