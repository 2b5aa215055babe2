/** Generated from order.avsc by `millrace schemas types`: change that file and run it again. */
import { schema, type Decimal } from 'millrace/topology';

export interface Order {
  readonly id: bigint;
  readonly customer_id: bigint;
  /** Exact decimal text with 2 digits behind the point. */
  readonly amount: Decimal;
  readonly placed_at: string;
}

export const order = schema<Order>({
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'long' },
    { name: 'customer_id', type: 'long' },
    { name: 'amount', type: { type: 'bytes', logicalType: 'decimal', precision: 10, scale: 2 } },
    { name: 'placed_at', type: 'string' },
  ],
});
