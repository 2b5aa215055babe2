export type ToolName = 'java' | 'maven' | 'postgres' | 'python';

/** What the whole stack needs. */
export const STACK_TOOLS: readonly ToolName[];

/** An executable of that name on the path. */
export function onPath(name: string, env?: NodeJS.ProcessEnv): string | undefined;

/** A program beside another one, links resolved. */
export function siblingOf(file: string, name: string): string;

export interface FoundTools {
  readonly tools: Readonly<Partial<Record<ToolName, string>>>;
  /** One sentence for each tool that is missing, with the command that installs it. */
  readonly problems: readonly string[];
}

/** Looks for all tools named. Nothing is installed or changed. */
export function findTools(names: readonly ToolName[], env?: NodeJS.ProcessEnv): Promise<FoundTools>;
