import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { Row } from './fill.ts';
import { required } from './topics.ts';

const ask = async (environment: Readonly<Record<string, string | undefined>>, path: string): Promise<Response> => {
  const url = required(environment, 'MILLRACE_PARTNER_URL');
  const response = await fetch(`${url}/admin/${path}`, { headers: { authorization: `Bearer ${required(environment, 'PARTNER_TOKEN')}` } });
  if (!response.ok) throw new Error(`the partner answers ${response.status} to /admin/${path}`);
  return response;
};

/** What the partner accepted, once each. */
export async function* readAccepted(environment: Readonly<Record<string, string | undefined>>): AsyncGenerator<Row> {
  const { body } = await ask(environment, 'accepted');
  for await (const line of createInterface({ input: Readable.fromWeb(body as ReadableStream), crlfDelay: Infinity })) {
    const { key, body: play } = JSON.parse(line) as { readonly key: string; readonly body: Row };
    yield { ...play, event_id: key };
  }
}

export async function* readPartnerTotals(environment: Readonly<Record<string, string | undefined>>): AsyncGenerator<Row> {
  yield (await (await ask(environment, 'stats')).json()) as Row;
}
