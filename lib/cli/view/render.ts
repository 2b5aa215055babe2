import type { ViewModel } from './model.ts';
import { beside, span, textOf, type Colour, type Line } from './paint.ts';
import { addresses, latency, notices, restores, sinks, stages, summary, top } from './sections.ts';

export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  readonly colour: Colour;
}

/** From so many columns on, two sections stand beside each other. */
const WIDE = 120;
const MOST_NOTICES = 4;
const FOOT: Line = [span(' Ctrl-C stops everything and keeps the data', 'dim')];

type Sections = Readonly<Record<'latency' | 'restores' | 'stages' | 'sinks' | 'top' | 'addresses' | 'notices', readonly Line[]>>;

const narrow = (model: ViewModel, columns: number): Sections => ({
  latency: latency(model, columns),
  restores: restores(model, columns),
  stages: stages(model, columns),
  sinks: sinks(model, columns),
  top: top(model, columns),
  addresses: addresses(model, columns),
  notices: notices(model, columns, MOST_NOTICES),
});

const wide = (model: ViewModel, columns: number): Sections => {
  const half = Math.floor(columns / 2);
  const sections = narrow(model, columns);
  if (sections.sinks.length === 0 || sections.top.length === 0) return sections;
  return { ...sections, sinks: beside(sinks(model, half - 2), top(model, columns - half), half), top: [] };
};

/** What gives way on a low terminal, in this order: a section, and how many of its lines stay. */
const WAYS: readonly (readonly [section: keyof Sections, lines: number])[] = [
  ['notices', 2], ['top', 6], ['notices', 1], ['addresses', 0], ['top', 0], ['sinks', 3], ['notices', 0], ['sinks', 0], ['latency', 0], ['restores', 2], ['stages', 2],
];

const linesOf = (sections: Sections): number => Object.values(sections).reduce((sum, lines) => sum + lines.length, 0);

const fitted = (sections: Sections, rows: number): Sections => {
  let kept = sections;
  for (const [name, least] of WAYS) {
    const surplus = linesOf(kept) - rows;
    if (surplus <= 0) break;
    const rest = least === 0 ? 0 : Math.max(least, kept[name].length - surplus);
    // The newest notices are the last ones.
    const lines = name === 'notices' ? kept[name].slice(Math.max(0, kept[name].length - rest)) : kept[name].slice(0, rest);
    kept = { ...kept, [name]: lines };
  }
  return kept;
};

/** A frame of at most `rows` lines, each of at most `columns` columns: cut, never wrapped. */
export const render = (model: ViewModel, { columns, rows, colour }: Terminal): readonly string[] => {
  const sections = Object.values(fitted((columns >= WIDE ? wide : narrow)(model, columns), rows - 2)).filter((lines) => lines.length > 0);
  const used = 2 + sections.reduce((sum, lines) => sum + lines.length, 0);
  const gaps = rows - used >= sections.length + 1 ? [[]] : [];
  const lines = [summary(model, columns), ...sections.flatMap((section) => [...gaps, ...section]), ...gaps, FOOT];
  return lines.slice(0, Math.max(0, rows)).map((line) => textOf(line, columns, colour));
};
