/** The terminal as one screen that is drawn over, and given back as it was. */
import { fromEvent, merge, startWith, combineLatest, tap, type Observable, type Subscription } from 'rxjs';
import type { Colour } from './paint.ts';
import type { Terminal } from './render.ts';

/** What the screen needs of `process.stdout`. */
export interface TerminalStream extends NodeJS.EventEmitter {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

const CSI = '\u001b[';
/** The other screen, no cursor, no wrapping. */
const ENTER = `${CSI}?1049h${CSI}?25l${CSI}?7l`;
const LEAVE = `${CSI}?7h${CSI}?25h${CSI}?1049l`;
/** Terminals that know it show a frame at once; the others take no notice. */
const BEGIN_FRAME = `${CSI}?2026h${CSI}H`;
const END_FRAME = `${CSI}J${CSI}?2026l`;
const END_LINE = `${CSI}K`;

const USUAL = { columns: 80, rows: 24 };

/** True where a screen can be drawn: on a terminal that takes commands. */
export const canDraw = (stream: TerminalStream, environment: Environment): boolean => stream.isTTY === true && environment.TERM !== 'dumb';

/** See no-color.org: any text in NO_COLOR means none. */
export const colourOf = (environment: Environment): Colour => ((environment.NO_COLOR ?? '') === '' ? 'ansi' : 'none');

const frame = (lines: readonly string[]): string => `${BEGIN_FRAME}${lines.map((line) => line + END_LINE).join('\r\n')}${END_FRAME}`;

/** What a terminal must be given back for, whatever ends the process. */
const ENDINGS = ['exit', 'uncaughtExceptionMonitor'] as const;

export interface Screen {
  /** Gives the terminal back; twice is once. */
  close(): void;
}

/**
 * Draws each model, and the last one again when the size changes or the process goes on after Ctrl-Z. A terminal that tells no size
 * has 80 columns and 24 rows.
 */
export const openScreen = <T>(model$: Observable<T>, draw: (model: T, terminal: Terminal) => readonly string[], stream: TerminalStream, environment: Environment): Screen => {
  let subscription: Subscription | null = null;
  let entered = false;
  const enter = (): void => {
    entered = true;
    stream.write(ENTER);
  };
  const leave = (): void => {
    if (entered) stream.write(LEAVE);
    entered = false;
  };
  const onStop = (): void => {
    leave();
    process.kill(process.pid, 'SIGSTOP');
  };
  // The last column stays free: what erases the rest of a line would erase a character there.
  const size = (): Terminal => ({ columns: (stream.columns || USUAL.columns) - 1, rows: stream.rows || USUAL.rows, colour: colourOf(environment) });
  // Of a size that changed while we stood, only the foreground was told: Node asks the terminal anew when it gets this signal.
  const goesOn$ = fromEvent(process, 'SIGCONT').pipe(tap(() => process.kill(process.pid, 'SIGWINCH')));
  const again$ = merge(fromEvent(stream, 'resize'), goesOn$).pipe(startWith(null));
  process.on('SIGTSTP', onStop);
  for (const ending of ENDINGS) process.on(ending, leave);
  enter();
  subscription = combineLatest([model$, again$]).subscribe(([model]) => {
    if (!entered) enter();
    stream.write(frame(draw(model, size())));
  });
  return {
    close: () => {
      subscription?.unsubscribe();
      process.off('SIGTSTP', onStop);
      for (const ending of ENDINGS) process.off(ending, leave);
      leave();
    },
  };
};
