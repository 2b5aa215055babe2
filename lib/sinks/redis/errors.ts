import { messageOf, RetryError, StopError, type MillraceError } from '../../core/errors.ts';
import { scrub } from '../../core/logger.ts';

/** Redis's own words for a state that passes. Older servers wrap them in the text of a script error. */
const PASSING = /(?:^|[\s-])(?:LOADING|BUSY|OOM|MISCONF|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS)\b|max number of clients/;

/** What happens next after a call to Redis failed: refused for good, or down for now. */
export const redisError = (thrown: unknown, doing: string): MillraceError => {
  const message = scrub(messageOf(thrown));
  if (thrown instanceof Error && thrown.name === 'ReplyError' && !PASSING.test(message)) {
    return new StopError(`Redis refuses ${doing}: ${message}`, { cause: thrown });
  }
  return new RetryError(`Redis does not answer ${doing}: ${message}`, { cause: thrown });
};
