import { cut, widthOf } from './width.ts';

/** Whether lines carry colours. */
export type Colour = 'none' | 'ansi';

const CODES = { bold: '1', dim: '2', good: '32', warning: '33', bad: '31', title: '1;36', bar: '36' } as const;

export type Style = keyof typeof CODES;

/** A piece of a line; without a style in the terminal's own colours. */
export interface Span {
  readonly text: string;
  readonly style?: Style;
}

export type Line = readonly Span[];

export const span = (text: string, style?: Style): Span => (style === undefined ? { text } : { text, style });

const RESET = '\u001b[0m';

const paint = ({ text, style }: Span, colour: Colour): string => (style === undefined || colour === 'none' || text.trim() === '' ? text : `\u001b[${CODES[style]}m${text}${RESET}`);

export const widthOfLine = (line: Line): number => line.reduce((sum, { text }) => sum + widthOf(text), 0);

/** A line as text that takes at most so many columns, without blanks at its end. */
export const textOf = (line: Line, columns: number, colour: Colour): string => {
  const spans: Span[] = [];
  let rest = columns;
  for (const each of line) {
    if (rest <= 0) break;
    const text = cut(each.text, rest);
    rest -= widthOf(text);
    spans.push({ ...each, text });
    if (text !== each.text) break;
  }
  while (spans.length > 0 && spans.at(-1)!.text.trim() === '') spans.pop();
  const last = spans.at(-1);
  if (last !== undefined) spans[spans.length - 1] = { ...last, text: last.text.trimEnd() };
  return spans.map((each) => paint(each, colour)).join('');
};

/** Lines beside each other, the second ones from the column `columns` on. */
export const beside = (first: readonly Line[], second: readonly Line[], columns: number): readonly Line[] =>
  Array.from({ length: Math.max(first.length, second.length) }, (_, i) => {
    const line = first[i] ?? [];
    const gap = columns - widthOfLine(line);
    return gap < 0 ? [span(cut(line.map(({ text }) => text).join(''), columns)), ...(second[i] ?? [])] : [...line, span(' '.repeat(gap)), ...(second[i] ?? [])];
  });
