/** Gives every shape of a picture its place. The layout is dagre's; sizes come from the number of characters, so the same plan gives the same picture everywhere. */
import dagre from '@dagrejs/dagre';
import type { Arrow, Picture, Shape } from './picture.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box {
  /** Of the upper left corner. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Placed {
  readonly width: number;
  readonly height: number;
  readonly shapes: readonly { readonly shape: Shape; readonly box: Box }[];
  readonly arrows: readonly { readonly arrow: Arrow; readonly points: readonly Point[] }[];
}

/** Sizes of the drawing in its own units, which are pixels at full width. */
export const SIZES = {
  /** Advance of a character of the title's and of the steps' font: both are monospaced. */
  titleCharWidth: 7.85,
  stepCharWidth: 6.95,
  detailCharWidth: 6.1,
  lineHeight: 17,
  titleHeight: 28,
  padding: 12,
  stepInset: 14,
  band: { lineHeight: 15, padding: 7 },
  topicHeight: 42,
  tableHeight: 54,
  margin: 12,
} as const;

const bandHeight = (lines: number): number => lines * SIZES.band.lineHeight + 2 * SIZES.band.padding;

const STORE_GLYPH_CHARS = 2.4;

const sizeOf = (shape: Shape): { readonly width: number; readonly height: number } => {
  const { titleCharWidth, stepCharWidth, detailCharWidth, padding } = SIZES;
  if (shape.kind !== 'stage') {
    const width = Math.max(shape.title.length * titleCharWidth, shape.detail.length * detailCharWidth) + 2 * padding + (shape.kind === 'topic' ? 16 : 4);
    return { width, height: shape.kind === 'topic' ? SIZES.topicHeight : SIZES.tableHeight };
  }
  const widths = [
    shape.title.length * titleCharWidth,
    ...shape.steps.map(({ text, depth, kind }) => (text.length + (kind === 'store' ? STORE_GLYPH_CHARS : 0)) * stepCharWidth + depth * SIZES.stepInset),
    ...(shape.sink?.lines ?? []).map((line) => line.length * stepCharWidth),
  ];
  const steps = shape.steps.length === 0 ? 0 : shape.steps.length * SIZES.lineHeight + padding - 2;
  return { width: Math.max(96, ...widths) + 2 * padding, height: SIZES.titleHeight + steps + (shape.sink === null ? 0 : bandHeight(shape.sink.lines.length)) };
};

const round = (value: number): number => Math.round(value * 10) / 10;

/** What dagre is asked and answers; its own declarations do not resolve for ES modules. */
interface LayoutGraph {
  setGraph(settings: object): void;
  setNode(id: string, size: { readonly width: number; readonly height: number }): void;
  setEdge(from: string, to: string, settings: object): void;
  graph(): { readonly width: number; readonly height: number };
  node(id: string): { readonly x: number; readonly y: number; readonly width: number; readonly height: number };
  edge(from: string, to: string): { readonly points: readonly Point[] };
}

interface Constraint {
  readonly left: string;
  readonly right: string;
}

/** Of the stages that read one topic, those that go on stand in the middle: what hangs below them then lies below all of them, and the picture stays narrow. */
const goingOnInTheMiddle = ({ arrows }: Picture): Constraint[] => {
  const readers = Map.groupBy(arrows.filter(({ kind, from }) => kind === 'records' && from.startsWith('topic ')), ({ from }) => from);
  const goesOn = (id: string): boolean => arrows.some(({ from }) => from === id);
  return [...readers.values()].flatMap((group) => {
    const [inner, ends] = [group.filter(({ to }) => goesOn(to)), group.filter(({ to }) => !goesOn(to))];
    if (inner.length === 0) return [];
    const ordered = ends.toSpliced(Math.floor(ends.length / 2), 0, ...inner).map(({ to }) => to);
    return ordered.slice(1).map((right, i) => ({ left: ordered[i]!, right }));
  });
};

const laidOut = (picture: Picture, constraints: readonly Constraint[]): LayoutGraph => {
  const graph = new dagre.graphlib.Graph() as unknown as LayoutGraph;
  graph.setGraph({ rankdir: 'TB', rankalign: 'top', nodesep: 16, ranksep: 34, edgesep: 10, marginx: SIZES.margin, marginy: SIZES.margin });
  for (const shape of picture.shapes) graph.setNode(shape.id, sizeOf(shape));
  // The way of the records is the backbone of the picture; tables stand beside it.
  for (const { from, to, kind } of picture.arrows) graph.setEdge(from, to, { weight: kind === 'records' ? 3 : 1 });
  dagre.layout(graph as never, { constraints: [...constraints] });
  return graph;
};

/** Along the straight part of a shape's upper and lower side: half a pill's height is its bend. */
const ALONG_INSET = SIZES.topicHeight / 2;

/** Down from the lower side of one shape to the upper side of another, where dagre would leave by the side that is next. */
const pointsOf = (graph: LayoutGraph, { from, to }: Arrow): Point[] => {
  const [start, end] = [graph.node(from), graph.node(to)];
  const bends = graph.edge(from, to).points.slice(1, -1);
  const along = (shape: typeof start, x: number): number => Math.max(shape.x - shape.width / 2 + ALONG_INSET, Math.min(shape.x + shape.width / 2 - ALONG_INSET, x));
  const points = [
    { x: along(start, bends[0]?.x ?? end.x), y: start.y + start.height / 2 },
    ...bends,
    { x: along(end, bends.at(-1)?.x ?? start.x), y: end.y - end.height / 2 },
  ];
  return points.map(({ x, y }) => ({ x: round(x), y: round(y) }));
};

/** The narrower of two layouts. */
export const layout = (picture: Picture): Placed => {
  const [free, bound] = [laidOut(picture, []), laidOut(picture, goingOnInTheMiddle(picture))];
  const graph = bound.graph().width < free.graph().width ? bound : free;
  const { width, height } = graph.graph();
  return {
    width: Math.ceil(width),
    height: Math.ceil(height),
    shapes: picture.shapes.map((shape) => {
      const { x, y, width: w, height: h } = graph.node(shape.id);
      return { shape, box: { x: round(x - w / 2), y: round(y - h / 2), width: round(w), height: round(h) } };
    }),
    arrows: picture.arrows.map((arrow) => ({ arrow, points: pointsOf(graph, arrow) })),
  };
};
