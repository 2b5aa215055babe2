/** Generated from price.avsc by `millrace schemas types`: change that file and run it again. */
import { schema, type Decimal } from 'millrace/topology';

/** Keyed by product and currency. */
export interface Price {
  readonly product_id: bigint;
  readonly currency: string;
  /** Exact decimal text with 2 digits behind the point. */
  readonly price: Decimal;
}

export const price = schema<Price>({
  type: 'record',
  name: 'Price',
  namespace: 'shop',
  doc: 'Keyed by product and currency.',
  fields: [
    { name: 'product_id', type: 'long' },
    { name: 'currency', type: 'string' },
    { name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 10, scale: 2 } },
  ],
});
