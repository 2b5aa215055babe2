/** Generated from order_item.avsc by `millrace schemas types`: change that file and run it again. */
import { schema } from 'millrace/topology';

export interface OrderItem {
  readonly order_id: bigint;
  readonly line: number;
  readonly product_id: bigint;
  readonly currency: string;
  readonly quantity: number;
}

export const orderItem = schema<OrderItem>({
  type: 'record',
  name: 'OrderItem',
  namespace: 'shop',
  fields: [
    { name: 'order_id', type: 'long' },
    { name: 'line', type: 'int' },
    { name: 'product_id', type: 'long' },
    { name: 'currency', type: 'string' },
    { name: 'quantity', type: 'int' },
  ],
});
