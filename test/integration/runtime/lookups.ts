import { catchError, map, retry, throwError, timeout, timer, type Observable } from 'rxjs';
import { fromFetch } from 'rxjs/fetch';
import { DeadLetterError, RetryError } from 'millrace';
import { json, mergeMap, stream, to, topology } from 'millrace/topology';
import { kafka } from 'millrace/sinks';

interface Order { readonly id: number; readonly customer: string }
interface Customer { readonly country: string }
export interface EnrichedOrder extends Order, Customer {}

/** No other answer will come for this order: it is a dead letter. What else goes wrong may pass. */
const customerOf = async (response: Response): Promise<Customer> => {
  if (response.ok) return (await response.json()) as Customer;
  if (response.status === 404) throw new DeadLetterError('the lookup knows no such customer');
  throw new Error(`the lookup answers ${response.status}`);
};

const passes = (error: unknown): boolean => !(error instanceof DeadLetterError);

/** 500 ms for each answer, two more attempts; then the order waits, with its offset, until the lookup is back. */
const lookUp = (url: string, customer: string): Observable<Customer> =>
  fromFetch(`${url}/customers/${encodeURIComponent(customer)}`, { selector: customerOf }).pipe(
    timeout(500),
    retry({ count: 2, delay: (error, attempt) => (passes(error) ? timer(50 * 2 ** attempt) : throwError(() => error)) }),
    catchError((cause: unknown) => throwError(() => (passes(cause) ? new RetryError('the customer lookup is away', { cause }) : cause))),
  );

export const lookups = (app: string, url: string) => topology(app, stream(`${app}.orders`, json<Order>()).pipe(
  mergeMap((order) => lookUp(url, order.customer).pipe(map((customer): EnrichedOrder => ({ ...order, ...customer }))), 8),
  to('enriched', kafka(`${app}.enriched`, json<EnrichedOrder>())),
));
