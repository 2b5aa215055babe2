/** A process that takes a worker's folder, says which, and holds it until it is ended. */
import { claimSlot } from '../../lib/state/slots.ts';

const slot = await claimSlot(process.argv[2]!, 'app');
process.stdout.write(`${slot.number}\n`);
setInterval(() => undefined, 60_000);
