import { catchError, EMPTY, exhaustMap, filter, from, map, sampleTime, share, Subject, take, takeUntil, timer, type Observable } from 'rxjs';
import { printJsonLine, printLine, tell } from '../shared.ts';
import { figuresOf, lineOf } from '../view/lines.ts';
import { modelOf$, type Address, type ViewModel, type WorkerMessage } from '../view/model.ts';
import { render } from '../view/render.ts';
import { canDraw, openScreen, type Screen } from '../view/screen.ts';
import type { DemoFigures, DemoRun } from './demo.ts';

export interface ShowOptions {
  readonly name: string;
  readonly workers: number;
  readonly without: readonly string[];
  /** `view`: one screen on a terminal, plain lines elsewhere. */
  readonly output: 'view' | 'json lines' | 'nothing';
}

const FIGURES_INTERVAL_MS = 1_000;
/** Lines of a log come less often than what redraws itself on a terminal. */
const LINE_INTERVAL_MS = 5_000;
const MOST_SAID = 20;

/** What people and programs are shown of a run, while it runs. */
export class Show {
  readonly #options: ShowOptions;
  readonly #begunAtMs = Date.now();
  readonly #figures$ = new Subject<WorkerMessage>();
  readonly #notices$ = new Subject<string>();
  readonly #closed$ = new Subject<void>();
  /** What was said while the screen was drawn, which is gone with it. */
  #said: readonly string[] = [];
  #screen: Screen | null = null;

  constructor(options: ShowOptions) {
    this.#options = options;
  }

  figures(message: WorkerMessage): void {
    this.#figures$.next(message);
  }

  /** A line on stderr, or on the screen while there is one. */
  tell(text: string): void {
    this.#notices$.next(text);
    if (this.#screen === null) tell(text);
    else this.#said = [...this.#said, text].slice(-MOST_SAID);
  }

  /** Begins to show figures. */
  open(run: DemoRun, addresses: readonly Address[]): void {
    const { name, workers, without, output } = this.#options;
    const demo$ = this.#demo$(run);
    this.#tellFirst(demo$);
    const model$ = modelOf$({ name, workers, without, addresses, figures$: this.#figures$, demo$, notices$: this.#notices$ }).pipe(takeUntil(this.#closed$));
    if (output === 'view' && canDraw(process.stdout, process.env)) this.#screen = openScreen(model$, render, process.stdout, process.env);
    else if (output !== 'nothing') this.#write(model$, output === 'view' ? (model) => printLine(lineOf(model)) : (model) => printJsonLine(figuresOf(model)));
  }

  /** Gives the terminal back, and repeats there what the screen had said. */
  close(): void {
    this.#closed$.next();
    this.#screen?.close();
    this.#screen = null;
    for (const text of this.#said) tell(text);
    this.#said = [];
  }

  /** Figures that cannot be had for a moment, because a server restarts, are left out. */
  #demo$(run: DemoRun): Observable<DemoFigures> {
    return timer(0, FIGURES_INTERVAL_MS).pipe(exhaustMap(() => from(run.figures()).pipe(catchError(() => EMPTY))), takeUntil(this.#closed$), share());
  }

  #tellFirst(demo$: Observable<DemoFigures>): void {
    const first$ = demo$.pipe(filter(({ latency }) => latency !== null), map(() => (Date.now() - this.#begunAtMs) / 1_000), take(1));
    first$.subscribe((seconds) => this.tell(`First result in Redis ${seconds.toFixed(1)} s after the start`));
  }

  #write(model$: Observable<ViewModel>, write: (model: ViewModel) => void): void {
    model$.pipe(sampleTime(LINE_INTERVAL_MS)).subscribe(write);
  }
}
