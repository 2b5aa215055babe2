/** Generated from line.avsc by `millrace schemas types`: change that file and run it again. */
import { schema } from 'millrace/topology';

/** One line of an order with what it costs: the values of the topic <name>.lines. */
export interface Line {
  readonly order_id: bigint;
  readonly line: number;
  readonly customer_id: bigint;
  readonly country: string;
  readonly currency: string;
  readonly quantity: number;
  /** Price times quantity; null when no price was known. */
  readonly cents: bigint | null;
}

export const lineSchema = schema<Line>({
  type: 'record',
  name: 'Line',
  namespace: 'shop',
  doc: 'One line of an order with what it costs: the values of the topic <name>.lines.',
  fields: [
    { name: 'order_id', type: 'long' },
    { name: 'line', type: 'int' },
    { name: 'customer_id', type: 'long' },
    { name: 'country', type: 'string' },
    { name: 'currency', type: 'string' },
    { name: 'quantity', type: 'int' },
    { name: 'cents', type: ['null', 'long'], default: null, doc: 'Price times quantity; null when no price was known.' },
  ],
});
