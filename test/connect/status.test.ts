import { expect } from 'chai';
import { describe, it } from 'mocha';
import { causeOf } from '../../lib/connect/status.ts';

describe('the cause of a failure', () => {
  const traces: readonly (readonly [what: string, trace: string, cause: string])[] = [
    ['is the message of a trace with one', 'org.x.E: no\n\tat a.B.c(D.java:1)', 'org.x.E: no'],
    ['is the first message and the innermost cause', 'org.x.E: task dies\n\tat a.B.c(D.java:1)\nCaused by: org.y.F: between\n\t... 3 more\nCaused by: org.z.G: root\n\tat e.F.g(H.java:2)', 'org.x.E: task dies <- org.z.G: root'],
    ['has all lines of a message', 'org.x.E: task dies\n\tat a.B.c(D.java:1)\nCaused by: org.postgresql.util.PSQLException: ERROR: no slot\n  Detail: all are taken\n  Hint: free one\n\tat e.F.g(H.java:2)\n\t... 3 more', 'org.x.E: task dies <- org.postgresql.util.PSQLException: ERROR: no slot Detail: all are taken Hint: free one'],
    ['has no second half when both are the same', 'org.x.E: no\n\tat a.B.c(D.java:1)\nCaused by: org.x.E: no\n\tat a.B.c(D.java:1)', 'org.x.E: no'],
    ['leaves suppressed exceptions out', 'org.x.E: no\n\tat a.B.c(D.java:1)\n\tSuppressed: org.x.F: closing\n\t\tat a.B.c(D.java:1)', 'org.x.E: no'],
    ['is a text that is no trace', 'boom', 'boom'],
  ];
  for (const [what, trace, cause] of traces) it(what, () => expect(causeOf(trace)).to.equal(cause));
});
