/** Runs the partner's API as a process: `node partner.ts --port 18090 --data FOLDER [--host ADDRESS]`; the token is in PARTNER_TOKEN. */
import { parseArgs } from 'node:util';
import { startPartner } from './partner/server.ts';

const whole = (name: string, text: string): number => {
  if (!/^\d+$/.test(text)) throw new Error(`--${name} is a whole number, not ${text}`);
  return Number(text);
};

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '18090' },
    host: { type: 'string', default: '127.0.0.1' },
    data: { type: 'string' },
    'refuse-every': { type: 'string', default: '0' },
    'drop-every': { type: 'string', default: '0' },
  },
});
const token = process.env.PARTNER_TOKEN ?? '';
if (values.data === undefined || token === '') throw new Error('--data FOLDER and the variable PARTNER_TOKEN are needed');

const partner = await startPartner({
  port: whole('port', values.port),
  host: values.host,
  folder: values.data,
  token,
  faults: { refuseEvery: whole('refuse-every', values['refuse-every']), dropEvery: whole('drop-every', values['drop-every']) },
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void partner.close());
