/** `filter` and `branch`: guards narrow, written or inferred; predicates of a wider type lose nothing. */
import { branch, filter, json, keyBy, map, otherwise, stream, tap, validate, type Stream } from 'millrace/topology';
import { sameType } from './expect.ts';

interface Play { readonly type: 'play'; readonly user: string; readonly at: number | null }
interface Finish { readonly type: 'finish'; readonly user: string; readonly seconds: number }
interface Click { readonly type: 'click'; readonly user: string; readonly target: string }
type Action = Play | Finish | Click;

const actions = stream('actions', json<Action>()).pipe(keyBy((action) => action.user));
const isFinish = (action: Action): action is Finish => action.type === 'finish';
const isPlay = (value: { readonly type: string }): value is { readonly type: 'play' } => value.type === 'play';
const named = (value: { readonly user: string }): boolean => value.user !== '';

const written = actions.pipe(filter(isFinish));
sameType<typeof written, Stream<Finish, string>>(true);
const inferred = actions.pipe(filter((action) => action.type !== 'click'), map((action) => action.type));
sameType<typeof inferred, Stream<'play' | 'finish', string>>(true);
const notNull = stream('numbers', json<number | null>()).pipe(filter((n) => n !== null), map((n) => n + 1));
sameType<typeof notNull, Stream<number, unknown>>(true);
const wideGuard = actions.pipe(filter(isPlay), map((play) => play.at));
sameType<typeof wideGuard, Stream<number | null, string>>(true);
const wide = actions.pipe(filter(named));
sameType<typeof wide, Stream<Action, string>>(true);
const byMeta = actions.pipe(filter((action, meta) => meta.key === action.user && meta.timestamp > 0));
sameType<typeof byMeta, Stream<Action, string>>(true);
// @ts-expect-error a predicate says yes or no
actions.pipe(filter((action) => action.user));
// @ts-expect-error a predicate that has to be waited for says neither
actions.pipe(filter((action) => Promise.resolve(action.user === '')));
// @ts-expect-error the predicate is of another value
actions.pipe(filter((value: { readonly title: string }) => value.title !== ''));

const arms = actions.pipe(branch({ finished: isFinish, clicks: (action) => action.type === 'click', early: (_, meta) => meta.timestamp < 5, rest: otherwise }));
sameType<typeof arms.finished, Stream<Finish, string>>(true);
sameType<typeof arms.clicks, Stream<Click, string>>(true);
sameType<typeof arms.early, Stream<Action, string>>(true);
sameType<typeof arms.rest, Stream<Play, string>>(true);
const two = actions.pipe(branch({ named, other: otherwise }));
sameType<typeof two.named, Stream<Action, string>>(true);
sameType<typeof two.other, Stream<Action, string>>(true);
const keyed = actions.pipe(branch({ mine: (action, meta) => action.user === meta.key }));
sameType<keyof typeof keyed, 'mine'>(true);
// @ts-expect-error there is no such arm
void keyed.yours;
// @ts-expect-error an arm's predicate is about the stream's values
actions.pipe(branch({ titled: (value: { readonly title: string }) => value.title !== '' }));

// Inside a callback the value narrows as anywhere else.
actions.pipe(
  validate({ played: (action) => action.type !== 'play' || action.at !== null }),
  tap((action) => { if (action.type === 'click') void action.target; }),
  keyBy((action) => (action.type === 'click' ? action.target : action.user)),
);
