/** What is wrong with a topology that its types could not see: everything at once, nothing has started. */
export class TopologyError extends Error {
  override readonly name = 'TopologyError';
  readonly problems: readonly string[];

  constructor(topology: string, problems: readonly string[]) {
    super(`topology ${JSON.stringify(topology)} has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}
