/**
 * Errors are classes by what happens next, not by where they were thrown.
 * `RetryError` is tried again with backoff, `DeadLetterError` sends one record to the dead-letter topic,
 * `RejoinError` closes a task whose owner changed, `PauseError` holds a branch that cannot go on yet,
 * `StopError` ends the process: it is a bug or a state nobody can work on. `ConfigurationError` lists
 * everything that is wrong before anything starts (exit code 2).
 */

/** Where something happened. Every field is optional: an error names what it knows. */
export interface Where {
  readonly node?: string;
  readonly stage?: string;
  readonly topic?: string;
  readonly partition?: number;
  readonly offset?: number;
}

export interface ErrorDetails {
  readonly where?: Where;
  /** What the reader can do about it, one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
}

const place = (where: Where | undefined): string => {
  if (where === undefined) return '';
  const parts: string[] = [];
  if (where.stage !== undefined) parts.push(`stage ${where.stage}`);
  if (where.node !== undefined) parts.push(`at ${where.node}`);
  if (where.topic !== undefined) {
    const partition = where.partition === undefined ? '' : `[${where.partition}]`;
    const offset = where.offset === undefined ? '' : ` offset ${where.offset}`;
    parts.push(`${where.topic}${partition}${offset}`);
  }
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
};

export abstract class MillraceError extends Error {
  readonly where: Where | undefined;
  readonly hint: string | undefined;

  constructor(message: string, details: ErrorDetails = {}) {
    const hint = details.hint === undefined ? '' : `. ${details.hint}`;
    super(`${message}${place(details.where)}${hint}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.where = details.where;
    this.hint = details.hint;
  }
}

/** A passing fault of another system: try again with backoff. */
export class RetryError extends MillraceError {
  /** Earliest time to try again, when the other side named one. */
  readonly retryAfterMs: number | undefined;
  constructor(message: string, details: ErrorDetails & { readonly retryAfterMs?: number } = {}) {
    super(message, details);
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** One record cannot be processed; it goes to the stage's dead-letter topic byte for byte. */
export class DeadLetterError extends MillraceError {
  /** The rule of `validate` that was broken, if one was. */
  readonly rule: string | undefined;
  constructor(message: string, details: ErrorDetails & { readonly rule?: string } = {}) {
    super(message, details);
    this.rule = details.rule;
  }
}

/** The task belongs to somebody else now: close it without committing; open it again only after a newer join. */
export class RejoinError extends MillraceError {}

/** What a branch needs is not there, or cannot be worked with yet (a sink, a readable schema): it waits, nothing is lost. */
export class PauseError extends MillraceError {}

/** A bug, or a state that no retry mends: stop loudly, non-zero exit. */
export class StopError extends MillraceError {}

/** Everything that is wrong with the topology or the configuration, at once. Exit code 2. */
export class ConfigurationError extends MillraceError {
  readonly problems: readonly string[];
  constructor(problems: readonly string[], details: ErrorDetails = {}) {
    super(problems.length === 1 ? problems[0]! : `${problems.length} problems:\n${problems.map((p) => `  - ${p}`).join('\n')}`, details);
    this.problems = problems;
  }
}

/** The message of anything that was thrown. */
export const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
