/** Generated from order.avsc by `millrace schemas types`: change that file and run it again. */
import { schema } from 'millrace/topology';

export interface Order {
  readonly id: bigint;
  readonly customer_id: bigint;
  readonly status: string;
}

export const order = schema<Order>({
  type: 'record',
  name: 'Order',
  namespace: 'shop',
  fields: [{ name: 'id', type: 'long' }, { name: 'customer_id', type: 'long' }, { name: 'status', type: 'string' }],
});
