/** What to do when a topology does not fit what is in Kafka. */
export const RESET_HINT = 'Go back to the version that fits, or begin anew: `npx millrace reset FILE` shows what it would delete, and with --yes does it; a backfill is given up with --discard (docs/OPERATIONS.md, When a new version does not fit)';
