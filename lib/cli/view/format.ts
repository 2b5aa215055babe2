/** Numbers as short texts: at most six characters, whatever they are. */
const MILLION = 1_000_000;

export const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

/** `9,999`, `12.3k`, `4.5M`. */
export const compact = (value: number): string => {
  if (value < 9_999.5) return whole(value);
  if (value < 99_950) return `${(value / 1_000).toFixed(1)}k`;
  if (value < 999_500) return `${Math.round(value / 1_000)}k`;
  return value < 99.95 * MILLION ? `${(value / MILLION).toFixed(1)}M` : `${whole(value / MILLION)}M`;
};

/** A rate: one digit behind the point below 10, since a slow branch is not one that stands still. */
export const rate = (perSecond: number): string => (perSecond > 0 && perSecond < 9.95 ? perSecond.toFixed(1) : compact(perSecond));

/** How far behind: `-` when it is not, else `0.4 s`, `12 s`, `3 min`, `2 h`. */
export const behind = (ms: number): string => {
  if (ms <= 0) return '-';
  if (ms < 9_950) return `${Math.max(0.1, ms / 1_000).toFixed(1)} s`;
  if (ms < 99_500) return `${Math.round(ms / 1_000)} s`;
  return ms < 5_970_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
};

/** `0:07`, `12:34`, `1:02:03`. */
export const clockTime = (ms: number): string => {
  const seconds = Math.floor(ms / 1_000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(seconds / 60) % 60;
  const hours = Math.floor(seconds / 3_600);
  return hours === 0 ? `${minutes}:${two(seconds % 60)}` : `${hours}:${two(minutes)}:${two(seconds % 60)}`;
};

const LEVELS = '▁▂▃▄▅▆▇█';
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** One character per value, from nothing to the largest of them; null leaves a blank. */
export const sparkline = (values: readonly (number | null)[]): string => {
  const largest = Math.max(0, ...values.map((value) => value ?? 0));
  return values.map((value) => {
    if (value === null) return ' ';
    return LEVELS[largest === 0 ? 0 : Math.max(0, Math.ceil((value / largest) * LEVELS.length) - 1)]!;
  }).join('');
};

/** A bar of `share` (0 to 1) of the columns, to an eighth of a column. */
export const bar = (share: number, columns: number): string => {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * columns * 8);
  return '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!;
};
