import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EventEmitter } from 'node:events';
import { Subject } from 'rxjs';
import type { Terminal } from '../../../lib/cli/view/render.ts';
import { canDraw, colourOf, openScreen } from '../../../lib/cli/view/screen.ts';

class FakeTerminal extends EventEmitter {
  readonly isTTY = true;
  columns = 100;
  rows = 40;
  written = '';

  write(text: string): boolean {
    this.written += text;
    return true;
  }

  take(): string {
    const text = this.written;
    this.written = '';
    return text;
  }
}

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
const ENDINGS = ['exit', 'uncaughtExceptionMonitor', 'SIGTSTP', 'SIGCONT'] as const;

const open = (terminal = new FakeTerminal()) => {
  const model$ = new Subject<string>();
  const drawn: Terminal[] = [];
  const draw = (text: string, size: Terminal): readonly string[] => {
    drawn.push(size);
    return [text, 'end'];
  };
  return { terminal, model$, drawn, screen: openScreen(model$, draw, terminal, {}) };
};

describe('the screen', () => {
  it('is the other one, drawn over without clearing it, and given back', () => {
    const { terminal, model$, screen } = open();
    expect(terminal.take()).to.equal(ENTER);
    model$.next('one');
    expect(terminal.take()).to.equal('\u001b[?2026h\u001b[Hone\u001b[K\r\nend\u001b[K\u001b[J\u001b[?2026l');
    screen.close();
    expect(terminal.take()).to.equal(LEAVE);
    screen.close();
    model$.next('two');
    expect(terminal.take()).to.equal('');
  });

  it('is drawn again in the new size, one column free', () => {
    const { terminal, model$, drawn, screen } = open();
    model$.next('one');
    terminal.columns = 60;
    terminal.rows = 20;
    terminal.emit('resize');
    screen.close();
    expect(drawn).to.deep.equal([{ columns: 99, rows: 40, colour: 'ansi' }, { columns: 59, rows: 20, colour: 'ansi' }]);
    expect(terminal.listenerCount('resize')).to.equal(0);
  });

  it('takes 80 columns and 24 rows for a terminal that tells none', () => {
    const terminal = Object.assign(new FakeTerminal(), { columns: 0, rows: 0 });
    const { model$, drawn, screen } = open(terminal);
    model$.next('one');
    screen.close();
    expect(drawn).to.deep.equal([{ columns: 79, rows: 24, colour: 'ansi' }]);
  });

  it('is given back whatever ends the process, once', () => {
    const before = ENDINGS.map((name) => process.listenerCount(name));
    const { terminal, screen } = open();
    terminal.take();
    for (const listener of process.listeners('uncaughtExceptionMonitor').slice(-1)) listener(new Error('a bug'), 'uncaughtException');
    expect(terminal.take()).to.equal(LEAVE);
    screen.close();
    expect(terminal.take()).to.equal('');
    expect(ENDINGS.map((name) => process.listenerCount(name))).to.deep.equal(before);
  });

  it('needs a terminal that takes commands', () => {
    expect(canDraw(new FakeTerminal(), { TERM: 'xterm' })).to.equal(true);
    expect(canDraw(new FakeTerminal(), { TERM: 'dumb' })).to.equal(false);
    expect(canDraw(Object.assign(new FakeTerminal(), { isTTY: false }), { TERM: 'xterm' })).to.equal(false);
  });

  it('has no colour with any text in NO_COLOR', () => {
    expect([colourOf({}), colourOf({ NO_COLOR: '' }), colourOf({ NO_COLOR: '0' })]).to.deep.equal(['ansi', 'ansi', 'none']);
  });
});
