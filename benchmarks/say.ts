const begunMs = performance.now();

/** Progress, on stderr, with the time since the start. */
export const say = (text: string): void => {
  const seconds = Math.floor((performance.now() - begunMs) / 1_000);
  process.stderr.write(`[${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}] ${text}\n`);
};
