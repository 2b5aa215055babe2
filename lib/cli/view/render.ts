import type { ViewModel } from './model.ts';
import { beside, span, textOf, type Colour, type Line } from './paint.ts';
import { addresses, latency, notices, sinks, stages, summary, top } from './sections.ts';

export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  readonly colour: Colour;
}

/** From so many columns on, two sections stand beside each other. */
const WIDE = 120;
const MOST_NOTICES = 4;
const FOOT: Line = [span(' Ctrl-C stops everything and keeps the data', 'dim')];

interface Section {
  readonly lines: readonly Line[];
  /** What gives way first on a low terminal: the highest. */
  readonly spare: number;
  /** With fewer lines it says nothing, and goes as a whole. */
  readonly least: number;
}

const section = (lines: readonly Line[], spare: number, least: number): Section => ({ lines, spare, least });

const narrow = (model: ViewModel, columns: number): readonly Section[] => [
  section(latency(model, columns), 2, 1),
  section(stages(model, columns), 1, 2),
  section(sinks(model, columns), 3, 2),
  section(top(model, columns), 4, 3),
  section(addresses(model, columns), 6, 2),
  section(notices(model, columns, MOST_NOTICES), 5, 1),
];

const wide = (model: ViewModel, columns: number): readonly Section[] => {
  const half = Math.floor(columns / 2);
  const states = sinks(model, half - 2);
  return [
    section(latency(model, columns), 2, 1),
    section(stages(model, columns), 1, 2),
    section(states.length === 0 ? top(model, columns) : beside(states, top(model, columns - half), half), 3, 2),
    section(addresses(model, columns), 5, 2),
    section(notices(model, columns, MOST_NOTICES), 4, 1),
  ];
};

/** Cuts sections, the spare ones first, until all fit. */
const fitted = (sections: readonly Section[], rows: number): readonly Section[] => {
  const kept = [...sections];
  const lines = (): number => kept.reduce((sum, each) => sum + each.lines.length, 0);
  for (const each of sections.toSorted((a, b) => b.spare - a.spare)) {
    const surplus = lines() - rows;
    if (surplus <= 0) break;
    const rest = each.lines.length - surplus;
    kept[kept.indexOf(each)] = { ...each, lines: rest < each.least ? [] : each.lines.slice(0, rest) };
  }
  return kept.filter((each) => each.lines.length > 0);
};

/** A frame of at most `rows` lines, each of at most `columns` columns: cut, never wrapped. */
export const render = (model: ViewModel, { columns, rows, colour }: Terminal): readonly string[] => {
  const sections = fitted((columns >= WIDE ? wide : narrow)(model, columns).filter((each) => each.lines.length > 0), rows - 2);
  const used = 2 + sections.reduce((sum, each) => sum + each.lines.length, 0);
  const gaps = rows - used >= sections.length + 1 ? [[]] : [];
  const lines = [summary(model), ...sections.flatMap((each) => [...gaps, ...each.lines]), ...gaps, FOOT];
  return lines.slice(0, Math.max(0, rows)).map((line) => textOf(line, columns, colour));
};
