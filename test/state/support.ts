import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'mocha';
import type { LogFields, Logger } from '../../lib/core/logger.ts';

export * from './child.ts';

const folders: string[] = [];

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is gone when the tests have ended. */
export const scratch = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-state-'));
  folders.push(folder);
  return folder;
};

interface Line {
  readonly message: string;
  readonly fields: LogFields;
}

/** A log whose lines can be read. */
export const recordingLog = (): { readonly log: Logger; readonly lines: Line[] } => {
  const lines: Line[] = [];
  const add = (message: string, fields: LogFields = {}): void => void lines.push({ message, fields });
  const log: Logger = { debug: add, info: add, warn: add, error: add, child: () => log };
  return { log, lines };
};

/** Why state was thrown away. */
export const reasons = (lines: readonly Line[]): readonly unknown[] => lines.filter(({ fields }) => 'reason' in fields).map(({ fields }) => fields['reason']);
