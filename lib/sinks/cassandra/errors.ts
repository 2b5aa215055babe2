import cassandra from 'cassandra-driver';
import { messageOf, RetryError, StopError, type MillraceError } from '../../core/errors.ts';
import { scrub } from '../../core/logger.ts';

const { errors, types } = cassandra;
const codes = types.responseErrorCodes;

/** What the server says of a state that does not pass by itself. Everything else it says passes: unavailable, overloaded, timed out, failed at a replica. */
const FINAL: ReadonlySet<number> = new Set([codes.protocolError, codes.badCredentials, codes.syntaxError, codes.unauthorized, codes.invalid, codes.configError, codes.alreadyExists]);

const causesOf = (thrown: unknown): readonly unknown[] =>
  thrown instanceof errors.NoHostAvailableError ? Object.values((thrown as { readonly innerErrors?: Record<string, unknown> | null }).innerErrors ?? {}) : [];

/** True when the server has understood the request and refuses what is in it: a value that does not fit, or a table that is not as it was. */
export const isInvalid = (thrown: unknown): boolean => thrown instanceof errors.ResponseError && (thrown as { readonly code: number }).code === codes.invalid;

/** True when the server has forgotten a statement and does not take it again: its table may be another one by now. */
export const isUnprepared = (thrown: unknown): boolean =>
  [thrown, ...causesOf(thrown)].some((cause) => cause instanceof errors.ResponseError && (cause as { readonly code: number }).code === codes.unprepared);

const isFinal = (thrown: unknown): boolean =>
  thrown instanceof errors.AuthenticationError || thrown instanceof errors.ArgumentError || thrown instanceof errors.NotSupportedError ||
  (thrown instanceof errors.ResponseError && FINAL.has((thrown as { readonly code: number }).code));

/** What happens next after a call to Cassandra failed: refused for good, or down for now. */
export const cassandraError = (thrown: unknown, doing: string): MillraceError => {
  const causes = causesOf(thrown);
  const refusal = [thrown, ...causes].find(isFinal);
  if (refusal !== undefined) return new StopError(`Cassandra refuses ${doing}: ${scrub(messageOf(refusal))}`, { cause: thrown });
  const [first] = causes;
  return new RetryError(`Cassandra does not answer ${doing}: ${scrub(messageOf(first ?? thrown))}`, { cause: thrown });
};
