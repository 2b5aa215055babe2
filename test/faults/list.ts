import { brokerDown } from './broker-down.ts';
import { commitReply } from './commit-reply.ts';
import type { Fault } from './fault.ts';
import { freeze } from './freeze.ts';
import { killAll } from './kill-all.ts';
import { killOne } from './kill-one.ts';
import { onDisk } from './on-disk.ts';
import { redisRewind } from './redis-rewind.ts';
import { rolling } from './rolling.ts';
import { sinkSlow } from './sink-slow.ts';

/** In the order of a full run. */
export const faults: readonly Fault[] = [
  killOne, killAll, freeze, rolling, commitReply, redisRewind, sinkSlow, brokerDown,
  onDisk(killOne, 5), onDisk(killAll, 2), onDisk(freeze, 1), onDisk(rolling, 1), onDisk(commitReply, 20), onDisk(brokerDown, 1),
];
