import type { Result } from '../results.ts';

/** A whole number with separators. */
export const count = (value: number): string => (Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : 'none');

/** `null`: there was nothing to tell it by. */
export const verdictText = (passed: boolean | null): string => (passed === null ? 'not measured' : passed ? 'reached' : '**not reached**');

const cell = (text: string): string => text.replaceAll('|', '\\|');

export const markdownTable = (header: readonly string[], rows: readonly (readonly string[])[]): string =>
  [header, header.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');

/** Where, when, with what and beside how much else a part was measured. */
export const conditions = ({ at, seconds, machine, versions, load }: Result<unknown>): string =>
  `Measured ${at.slice(0, 16).replace('T', ' ')} UTC in ${count(seconds)} s on ${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, ${machine.system}; ` +
  `load average ${load.before} before and ${load.after} after; ${Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')}.`;
