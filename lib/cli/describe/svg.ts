/**
 * A plan as a picture: topics as pills, tables as cylinders, stages as boxes with their steps, an outside sink as the
 * coloured foot of its stage. Nothing is loaded from elsewhere, and no background is drawn: the shapes bring their own
 * fill, so that they read on a light and on a dark page, whichever the reader's system prefers.
 */
import type { Topology } from '../../../topology/topology.ts';
import type { Plan } from '../../plan/types.ts';
import { layout, SIZES, type Box, type Placed, type Point } from './layout.ts';
import { pictureOf, type Shape } from './picture.ts';

type StageShape = Extract<Shape, { readonly kind: 'stage' }>;
type TopicShape = Extract<Shape, { readonly kind: 'topic' | 'table' }>;

const STYLE = `
    text { font: 11.5px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #1f2933; }
    .title { font-size: 13px; font-weight: 600; }
    .detail { font-size: 10px; fill: #5b6875; }
    .stage { fill: #ffffff; stroke: #8b98a5; }
    .topic { fill: #e3effd; stroke: #4a8fd9; }
    .internal { fill: #eef1f4; stroke: #8b98a5; stroke-dasharray: 4 3; }
    .table { fill: #fdf3dc; stroke: #c9962c; }
    .store { fill: none; stroke: #c9962c; stroke-width: 1.3; }
    .rim { fill: none; }
    .rule { stroke: #d5dce3; }
    .arrow { fill: none; stroke: #7d8894; stroke-width: 1.5; }
    .looked-up { stroke: #c9962c; stroke-dasharray: 5 3; }
    .head { fill: #7d8894; }
    .head.looked-up { fill: #c9962c; stroke: none; }
    .band text { fill: #ffffff; }
    .band .title { font-size: 12px; }
    .redis { fill: #b5342b; }
    .bigquery { fill: #2f64c4; }
    .http { fill: #1b7a5a; }
    .cassandra { fill: #4b6f8f; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e2e8ee; }
      .detail { fill: #a3b0bd; }
      .stage { fill: #1c232b; stroke: #6b7885; }
      .topic { fill: #16304d; stroke: #4a8fd9; }
      .internal { fill: #262d35; stroke: #6b7885; }
      .table:not(.rim) { fill: #3a2f14; }
      .rule { stroke: #36414c; }
    }
`;

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const attributes = (values: Readonly<Record<string, string | number>>): string => Object.entries(values).map(([name, value]) => ` ${name}="${value}"`).join('');

const round = (value: number): number => Math.round(value * 10) / 10;

const textAt = (x: number, y: number, text: string, others: Readonly<Record<string, string>> = {}): string =>
  `<text${attributes({ x: round(x), y: round(y), ...others })} xml:space="preserve">${escaped(text)}</text>`;

const centred = (box: Box, y: number, text: string, className: string): string =>
  textAt(box.x + box.width / 2, y, text, { class: className, 'text-anchor': 'middle' });

const topic = (shape: TopicShape & { readonly kind: 'topic' }, box: Box): string[] => [
  `<rect${attributes({ class: shape.role === 'internal' ? 'internal' : 'topic', x: box.x, y: box.y, width: box.width, height: box.height, rx: round(box.height / 2) })}/>`,
  centred(box, box.y + 18, shape.title, 'title'),
  centred(box, box.y + 32, shape.detail, 'detail'),
];

/** A cylinder: the outline, and the rim on top. */
const cylinder = (box: Box, rim: number, className: string): string => {
  const { x, y, width, height } = box;
  const arc = (sweep: 0 | 1, dx: number): string => `a ${round(width / 2)} ${rim} 0 0 ${sweep} ${round(dx)} 0`;
  const start = `M ${round(x)} ${round(y + rim)}`;
  return `<path class="${className}" d="${start} ${arc(1, width)} v ${round(height - 2 * rim)} ${arc(1, -width)} z"/><path class="${className} rim" d="${start} ${arc(0, width)}"/>`;
};

const table = (shape: TopicShape, box: Box): string[] => [
  cylinder(box, 6, 'table'),
  centred(box, box.y + 28, shape.title, 'title'),
  centred(box, box.y + 43, shape.detail, 'detail'),
];

/** The foot of a stage, round below as the stage is. */
const band = ({ kind, lines }: NonNullable<StageShape['sink']>, box: Box): string[] => {
  const { lineHeight, padding } = SIZES.band;
  const height = lines.length * lineHeight + 2 * padding;
  const top = round(box.y + box.height - height);
  const path = `M ${box.x} ${top} h ${box.width} v ${height - 7} a 7 7 0 0 1 -7 7 h ${round(14 - box.width)} a 7 7 0 0 1 -7 -7 z`;
  const texts = lines.map((line, i) => textAt(box.x + SIZES.padding, top + padding + 11 + i * lineHeight, line, i === 0 ? { class: 'title' } : {}));
  return [`<g class="band"><path class="${kind}" d="${path}"/>`, ...texts, '</g>'];
};

const stage = (shape: StageShape, box: Box): string[] => {
  const left = box.x + SIZES.padding;
  const rule = round(box.y + SIZES.titleHeight);
  const steps = shape.steps.flatMap(({ text, depth, opens, kind }, i) => {
    const y = box.y + SIZES.titleHeight + 17 + i * SIZES.lineHeight;
    const x = left + depth * SIZES.stepInset;
    const bullet = opens ? [`<circle${attributes({ class: 'head', cx: round(x - 8), cy: round(y - 4), r: 2.2 })}/>`] : [];
    if (kind === 'step') return [...bullet, textAt(x, y, text)];
    return [...bullet, cylinder({ x, y: y - 10, width: 11, height: 12 }, 2.2, 'store'), textAt(x + 17, y, text)];
  });
  return [
    `<rect${attributes({ class: 'stage', x: box.x, y: box.y, width: box.width, height: box.height, rx: 7 })}/>`,
    textAt(left, box.y + 19, shape.title, { class: 'title' }),
    ...(shape.steps.length === 0 ? [] : [`<line${attributes({ class: 'rule', x1: box.x, x2: round(box.x + box.width), y1: rule, y2: rule })}/>`]),
    ...steps,
    ...(shape.sink === null ? [] : band(shape.sink, box)),
  ];
};

const drawn = ({ shape, box }: Placed['shapes'][number]): string[] => {
  switch (shape.kind) {
    case 'topic': return topic(shape, box);
    case 'table': return table(shape, box);
    case 'stage': return stage(shape, box);
  }
};

/** A smooth line through dagre's points: they are its bends, and it passes midway between them. */
const curve = (points: readonly Point[]): string => {
  const [first, ...rest] = points;
  const last = rest.at(-1);
  if (first === undefined || last === undefined) return '';
  const parts = [`M ${first.x} ${first.y}`];
  for (const [i, point] of rest.slice(0, -1).entries()) {
    const next = rest[i + 1]!;
    const end = next === last ? last : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    parts.push(`Q ${point.x} ${point.y} ${round(end.x)} ${round(end.y)}`);
  }
  if (rest.length === 1) parts.push(`L ${last.x} ${last.y}`);
  return parts.join(' ');
};

const ARROW_CLASSES = { records: 'arrow', table: 'arrow looked-up' } as const;
const HEADS = { records: 'head', table: 'head-looked-up' } as const;

const marker = (id: string, className: string): string =>
  `<marker id="${id}" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" orient="auto"><path class="${className}" d="M 0 0 L 8 4 L 0 8 z"/></marker>`;

/** An SVG document of its own, the same text for the same plan, ending with a line break. Settings stand as `${NAME}`. */
export const planSvg = (plan: Plan, topology: Topology): string => {
  const picture = pictureOf(plan, topology);
  const placed = layout(picture);
  const lines = [
    `<title>${escaped(picture.title)}: topics and stages</title>`,
    `<style>${STYLE}  </style>`,
    `<defs>${marker(HEADS.records, 'head')}${marker(HEADS.table, 'head looked-up')}</defs>`,
    ...placed.arrows.map(({ arrow, points }) => `<path class="${ARROW_CLASSES[arrow.kind]}" d="${curve(points)}" marker-end="url(#${HEADS[arrow.kind]})"/>`),
    ...placed.shapes.flatMap(drawn),
  ];
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${placed.width} ${placed.height}" width="${placed.width}" height="${placed.height}" role="img">`;
  return `${[head, ...lines.map((line) => `  ${line}`), '</svg>'].join('\n')}\n`;
};
