import { expect } from 'chai';
import { describe, it } from 'mocha';
import { render } from '../../../lib/cli/view/render.ts';
import { widthOf } from '../../../lib/cli/view/width.ts';
import { AT_MS, model, stage } from './model.ts';

const plain = (columns: number, rows = 40, changes: Parameters<typeof model>[0] = {}): string => `\n${render(model(changes), { columns, rows, colour: 'none' }).join('\n')}\n`;

const AT_60 = `
 engagement  12:34  workers 2/2  in 200/s  out 812/s

 LATENCY  PostgreSQL to Redis, the last 4 minutes
   p50       27 ms  ▂▄█                       peak 40 ms
   p95      112 ms  ▁▁█                       peak 400 ms
   p99    1,201 ms  ▁█▄                       peak 1,600 ms

 STAGE                IN/S  OUT/S    LAG BEHIND ERRORS  DEAD
 …engagement_events    200    200      0      -      0     3
 warehouse             200    180    345  1.7 s      0     0
 partner               5.0      0  12.3k   65 s      3     4

 SINK       BREAKER         WRITTEN  REFUSED  RETRIES
 warehouse  ● closed         12,000        0        0
 partner    ○ open              900        4       17

 TOP TEN  contents by engagement
  1  東京の朝のニュース  3 h 1 min  ███████████████████████
  2  Notes on Tea           59 min  ███████▌

 ADDRESSES
  kafka    127.0.0.1:9092
  redis    redis://127.0.0.1:6379
  metrics  http://127.0.0.1:9464/metrics

 03:04:00  The workers are ready. The load begins

 Ctrl-C stops everything and keeps the data
`;

const AT_80 = `
 millrace engagement  12:34  workers 2/2  in 200/s  out 812/s  written 12,345
 LATENCY  PostgreSQL to Redis, the last 4 minutes
   p50       27 ms  ▂▄█                                           peak 40 ms
   p95      112 ms  ▁▁█                                           peak 400 ms
   p99    1,201 ms  ▁█▄                                           peak 1,600 ms
 STAGE                          IN/S  OUT/S    LAG BEHIND ERRORS RETRIES  DEAD
 app.public.engagement_events    200    200      0      -      0       0     3
 warehouse                       200    180    345  1.7 s      0       0     0
 partner                         5.0      0  12.3k   65 s      3      17     4
 SINK       BREAKER         WRITTEN  REFUSED  RETRIES
 warehouse  ● closed         12,000        0        0
 partner    ○ open              900        4       17
 TOP TEN  contents by engagement
  1  東京の朝のニュース  3 h 1 min  ███████████████████████████████████████████
  2  Notes on Tea           59 min  ██████████████
 ADDRESSES
  kafka    127.0.0.1:9092            metrics  http://127.0.0.1:9464/metrics
  redis    redis://127.0.0.1:6379
 03:04:00  The workers are ready. The load begins
 Ctrl-C stops everything and keeps the data
`;

const AT_120 = `
 millrace engagement  12:34  workers 2/2  in 200/s  out 812/s  written 12,345

 LATENCY  PostgreSQL to Redis, the last 4 minutes
   p50       27 ms  ▂▄█                                                           peak 40 ms
   p95      112 ms  ▁▁█                                                           peak 400 ms
   p99    1,201 ms  ▁█▄                                                           peak 1,600 ms

 STAGE                          IN/S  OUT/S    LAG BEHIND ERRORS RETRIES  DEAD
 app.public.engagement_events    200    200      0      -      0       0     3
 warehouse                       200    180    345  1.7 s      0       0     0
 partner                         5.0      0  12.3k   65 s      3      17     4

 SINK       BREAKER         WRITTEN  REFUSED  RETRIES        TOP TEN  contents by engagement
 warehouse  ● closed         12,000        0        0         1  東京の朝のニュース  3 h 1 min  ███████████████████████
 partner    ○ open              900        4       17         2  Notes on Tea           59 min  ███████▌

 ADDRESSES
  kafka    127.0.0.1:9092    redis    redis://127.0.0.1:6379    metrics  http://127.0.0.1:9464/metrics

 03:04:00  The workers are ready. The load begins

 Ctrl-C stops everything and keeps the data
`;

/** Three moments, each for as long as a character of the sparkline stands for: four minutes share at most 60 characters. */
const stretched = (columns: number) => {
  const moments = [{ count: 1, p50Ms: 10, p95Ms: 50, p99Ms: 100 }, { count: 1, p50Ms: 20, p95Ms: 50, p99Ms: 1_600 }, { count: 1, p50Ms: 40, p95Ms: 400, p99Ms: 800 }];
  const seconds = { 60: 10, 80: 6, 120: 4 }[columns]!;
  return moments.flatMap((latency) => Array.from({ length: seconds }, () => latency));
};

describe('the live view', () => {
  it('is this on 60 columns: cut, never wrapped', () => expect(plain(60, 40, { history: stretched(60) })).to.equal(AT_60));
  it('is this on 80 columns and 24 lines: no empty lines, the rest whole', () => expect(plain(80, 24, { history: stretched(80) })).to.equal(AT_80));
  it('is this on 120 columns: two sections beside each other', () => expect(plain(120, 40, { history: stretched(120) })).to.equal(AT_120));

  it('fits into every size', () => {
    for (let columns = 0; columns < 200; columns += 7) {
      for (const rows of [0, 1, 5, 10, 24, 60]) {
        const lines = render(model({ without: ['bigquery'] }), { columns, rows, colour: 'none' });
        expect(lines.length, `${columns}x${rows}`).to.be.at.most(rows);
        for (const line of lines) expect(widthOf(line), `${columns}x${rows}: ${line}`).to.be.at.most(columns);
      }
    }
  });

  it('drops sections on a low terminal, and keeps the stages longest', () => {
    const heads = (rows: number): string[] => plain(100, rows).split('\n').flatMap((line) => /^ ([A-Z]+)(?: |$)/.exec(line)?.[1] ?? []);
    expect(heads(24)).to.deep.equal(['LATENCY', 'STAGE', 'SINK', 'TOP', 'ADDRESSES']);
    expect(heads(17)).to.deep.equal(['LATENCY', 'STAGE', 'SINK', 'TOP']);
    expect(heads(15)).to.deep.equal(['LATENCY', 'STAGE', 'SINK']);
    expect(heads(10)).to.deep.equal(['LATENCY', 'STAGE']);
    expect(heads(7)).to.deep.equal(['STAGE']);
  });

  it('keeps the newest notices', () => {
    const notices = ['first', 'second', 'third', 'fourth', 'fifth'].map((text) => ({ atMs: AT_MS, text }));
    expect(plain(100, 60, { notices })).to.include('fifth').and.to.include('second').and.not.to.include('first');
    expect(plain(100, 21, { notices })).to.include('fifth').and.not.to.include('second');
  });

  it('is colourless without colour, and the same text with it', () => {
    const size = { columns: 100, rows: 40 };
    const coloured = render(model(), { ...size, colour: 'ansi' }).join('\n');
    expect(coloured).to.include('\u001b[31m  ○ open');
    expect(plain(100)).not.to.include('\u001b');
    expect(`\n${coloured.replaceAll(/\u001b\[[\d;]*m/g, '')}\n`).to.equal(plain(100));
  });

  it('says what it is without, and that nothing is measured without Redis', () => {
    const shown = plain(100, 40, { without: ['redis'], latency: null, history: [null], top: [] });
    expect(shown).to.include('without redis').and.to.include('which is left out').and.not.to.include('TOP').and.not.to.include('p99');
  });

  it('stands before anything is known', () => {
    const shown = plain(60, 24, { workers: { running: 0, wanted: 2 }, writing: 0, delivering: 0, written: 0, stages: [], latency: null, history: [], top: [], addresses: [], notices: [], runningMs: 0 });
    expect(shown).to.include('engagement  0:00  workers 0/2  in 0/s  out 0/s').and.to.include('p50           -').and.to.include('no worker has told');
  });

  it('takes no command from a title, and no line break', () => {
    const shown = plain(100, 40, { top: [{ title: 'a\u001b[2J\nb\u202ec\u0007', value: '1 min', amount: 1 }] });
    expect(shown).to.include(' 1  a [2J bc   1 min').and.not.to.include('\u001b');
  });

  it('shows what is restored, and how long that takes, only while it lasts', () => {
    const shown = plain(80, 40, { stages: [
      stage({ stage: 'by-user', restoreRemaining: 1_234_567, restoreMs: 42_000 }),
      stage({ stage: 'by-content', restoreRemaining: 12, restoreMs: null }),
      stage({ stage: 'warehouse' }),
    ] });
    expect(shown).to.include(`
 RESTORING   RECORDS LEFT  TIME LEFT
 by-user        1,234,567       42 s
 by-content            12          ?

 STAGE `);
    expect(plain(80)).not.to.include('RESTORING');
  });

  it('draws no bar for nothing, and half-open for a breaker that tries', () => {
    const shown = plain(100, 40, { top: [{ title: 'a', value: '0 min', amount: 0 }], stages: [stage({ sink: 'warehouse', breaker: 'half-open' })] });
    expect(shown).to.match(/1 {2}a {2}0 min\n/).and.to.match(/warehouse {2}◐ half-open +0 +0 +0\n/);
  });
});
