/** Texts by the columns they take on a terminal. */
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

const PLAIN = /^[\x20-\x7e]*$/;
/** East Asian Wide and Fullwidth characters, without emoji. */
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}]/u;
const EMOJI = /\p{Emoji_Presentation}|\ufe0f/u;
const ZERO_WIDTH = /^[\p{M}\p{Cf}]+$/u;

/** What a terminal could take for a command, and what changes the direction of writing, is left out; white space is one blank. */
export const harmless = (text: string): string =>
  PLAIN.test(text) ? text : text.toWellFormed().replaceAll(/[\s\p{Cc}]+/gu, ' ').replaceAll(/(?!\u200d)\p{Cf}/gu, '');

const graphemeWidth = (grapheme: string): number => {
  if (ZERO_WIDTH.test(grapheme)) return 0;
  return WIDE.test(grapheme) || EMOJI.test(grapheme) ? 2 : 1;
};

export const widthOf = (text: string): number => {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment);
  return width;
};

const ELLIPSIS = '…';

/** The first characters that fit into the columns. */
const firstOf = (segments: Iterable<string>, columns: number): string[] => {
  const kept: string[] = [];
  let width = 0;
  for (const segment of segments) {
    width += graphemeWidth(segment);
    if (width > columns) break;
    kept.push(segment);
  }
  return kept;
};

const segmentsOf = (text: string): string[] => [...graphemes.segment(text)].map(({ segment }) => segment);

/** At most so many columns; what is too long ends in an ellipsis. */
export const cut = (text: string, columns: number): string => {
  if (widthOf(text) <= columns) return text;
  return columns < 1 ? '' : firstOf(segmentsOf(text), columns - 1).join('') + ELLIPSIS;
};

/** As `cut`, but keeps the end: names differ there. */
export const cutStart = (text: string, columns: number): string => {
  if (widthOf(text) <= columns) return text;
  return columns < 1 ? '' : ELLIPSIS + firstOf(segmentsOf(text).reverse(), columns - 1).reverse().join('');
};

/** Exactly so many columns. */
export const left = (text: string, columns: number): string => {
  const short = cut(text, columns);
  return short + ' '.repeat(Math.max(0, columns - widthOf(short)));
};

/** Exactly so many columns, the text at their end. */
export const right = (text: string, columns: number): string => {
  const short = cut(text, columns);
  return ' '.repeat(Math.max(0, columns - widthOf(short))) + short;
};
