import { json, kafka, scan, stream, to, topology, type Topology } from 'millrace/topology';

export interface Event {
  readonly id: number;
  readonly user: string;
  readonly amount: number;
  readonly about: string;
}

interface Total {
  readonly id: number;
  readonly events: number;
  readonly amount: number;
}

export interface CountingOptions {
  readonly app: string;
  readonly input: string;
  /** Called with each record that is counted. */
  readonly seen: () => void;
}

/** One stage with all that a commit has: a state with its changelog, an output, offsets. */
export const counting = ({ app, input, seen }: CountingOptions): Topology => {
  const add = (total: Total, { id, amount }: Event): Total => {
    seen();
    return { id, events: total.events + 1, amount: total.amount + amount };
  };
  return topology(app,
    stream(input, json<Event>()).pipe(
      scan('totals', add, { state: json<Total>(), seed: { id: -1, events: 0, amount: 0 } }),
      to('out', kafka(`${app}-out`, json<Total>())),
    ));
};
