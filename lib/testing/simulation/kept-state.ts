import type { StateHome } from '../../state/home.ts';
import { memoryHome, type KeptTask, type MemoryHomeOptions } from '../../state/memory-home.ts';

/** What lies on the disk of each place: state that outlives the processes that follow each other there. */
export class KeptState {
  readonly #places = new Map<string, Map<string, KeptTask>>();

  /** Where a process keeps its state. */
  home(place: string, makeStore?: MemoryHomeOptions['makeStore']): StateHome {
    const tasks = this.#places.get(place) ?? new Map<string, KeptTask>();
    this.#places.set(place, tasks);
    return memoryHome({
      keep: (stage, partition) => {
        const name = `${stage}/${partition}`;
        const task = tasks.get(name) ?? { owner: '', stores: new Map() };
        tasks.set(name, task);
        return task;
      },
      partitions: (stage) => [...tasks.keys()].filter((name) => name.startsWith(`${stage}/`)).map((name) => Number(name.slice(stage.length + 1))),
      ...(makeStore === undefined ? {} : { makeStore }),
    });
  }
}
