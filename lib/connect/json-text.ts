/** What `JSON.parse` does not say of a file, and what it should not say. */
import { messageOf } from '../core/errors.ts';

const STRING_OR_BRACE = /("(?:[^"\\]|\\.)*")(\s*:)?|[{}]/g;

/** Keys that stand twice in one object of a valid JSON text: `JSON.parse` takes the last one and says nothing. */
export const repeatedKeys = (text: string): readonly string[] => {
  const repeated = new Set<string>();
  const open: Set<string>[] = [];
  for (const [token, quoted, colon] of text.matchAll(STRING_OR_BRACE)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(quoted!) as string;
      const seen = open.at(-1)!;
      if (seen.has(key)) repeated.add(key);
      seen.add(key);
    }
  }
  return [...repeated];
};

const QUOTING = /^(Unexpected token .+?), (\.\.\.)?"([^]*)"(\.\.\.)? is not valid JSON$/;
/** So much of the text is quoted on either side of the token. */
const QUOTED_LENGTH = 10;

/** Why a text is no JSON, with the line: the engine quotes the text itself, where a password may stand. */
export const jsonProblem = (error: unknown, text: string): string => {
  const message = messageOf(error);
  const [, what, before, quoted = '', after] = QUOTING.exec(message) ?? [];
  if (what === undefined) return message;
  const start = text.indexOf(quoted);
  const offset = before !== undefined ? QUOTED_LENGTH : after !== undefined ? quoted.length - QUOTED_LENGTH : undefined;
  if (offset === undefined || start < 0 || start !== text.lastIndexOf(quoted)) return what;
  return `${what} (line ${text.slice(0, start + offset).split('\n').length})`;
};
