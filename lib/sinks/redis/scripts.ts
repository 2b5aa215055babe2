/**
 * The two scripts that guard a task's writes. A fence is a hash {generation, producerId, epoch, offset} per app, sink, topic
 * and partition: who may write, and the last offset that Redis has. It has no expiry. Redis runs a script whole and
 * persists its effects together, so data and offset survive or vanish together.
 */
import { createHash } from 'node:crypto';

export interface Script {
  readonly lua: string;
  readonly sha: string;
}

const script = (lua: string): Script => ({ lua, sha: createHash('sha1').update(lua).digest('hex') });

/** Refusals remembered per partition: more than records can lie between two offset commits. */
const REFUSALS_KEPT = 20_000;

const COMMON = `
local function fenceOf(key)
  local f = redis.call('HMGET', key, 'generation', 'producerId', 'epoch', 'offset')
  if not f[1] then return nil end
  return { generation = tonumber(f[1]), producerId = tonumber(f[2]), epoch = tonumber(f[3]), offset = tonumber(f[4]) }
end
local function isNewer(f, producerId, epoch)
  return f.producerId > producerId or (f.producerId == producerId and f.epoch > epoch)
end
`;

/**
 * KEYS: the fences. ARGV: producerId, epoch, then the topic's end offset per fence.
 * Replies {'FENCED', key} or {'OK', generation, offset, ...}. All fences are looked at before the first is written.
 */
export const claimScript = script(`${COMMON}
local producerId, epoch = tonumber(ARGV[1]), tonumber(ARGV[2])
local fences = {}
for i = 1, #KEYS do
  local f = fenceOf(KEYS[i])
  if f and isNewer(f, producerId, epoch) then return {'FENCED', KEYS[i]} end
  fences[i] = f or { generation = 1, offset = -1 }
end
local reply = {'OK'}
for i = 1, #KEYS do
  local f = fences[i]
  if f.offset >= tonumber(ARGV[2 + i]) then
    f.generation = f.generation + 1
    f.offset = -1
    redis.call('DEL', KEYS[i] .. ':refused')
  end
  redis.call('HSET', KEYS[i], 'generation', f.generation, 'producerId', ARGV[1], 'epoch', ARGV[2], 'offset', string.format('%.0f', f.offset))
  reply[#reply + 1] = f.generation
  reply[#reply + 1] = f.offset
end
return reply
`);

/**
 * KEYS: P fences, P sorted sets of remembered refusals, then the key of each command.
 * ARGV: P, producerId, epoch; per fence generation, offset that Redis must have reached, offset to advance to, offset below
 * which refusals are forgotten; then the commands: fence, offset, sequence within the offset, expiry, type, its arguments.
 * Replies {'FENCED', key}, {'LOST', key} or {'OK', command, message, ...} with the commands that were refused.
 *
 * A command of several Redis calls can only fail in its first one, or is undone: nothing refused is half applied. What was
 * refused is remembered beside the fence, since a replay of it is trimmed but must be reported as refused again.
 */
const WRITE = `
local parts, producerId, epoch = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local reached, remembered = {}, {}
for i = 1, parts do
  local a = 4 * i
  local f = fenceOf(KEYS[i])
  local generation = tonumber(ARGV[a])
  if f and (f.generation > generation or (f.generation == generation and isNewer(f, producerId, epoch))) then return {'FENCED', KEYS[i]} end
  if not f or f.generation < generation or f.offset < tonumber(ARGV[a + 1]) then return {'LOST', KEYS[i]} end
  reached[i] = f.offset
end
for i = 1, parts do
  redis.call('HSET', KEYS[i], 'producerId', ARGV[2], 'epoch', ARGV[3])
  if ARGV[4 * i + 3] ~= '' then redis.call('ZREMRANGEBYSCORE', KEYS[parts + i], '-inf', '(' .. ARGV[4 * i + 3]) end
end

local function spread(command, key, list, from, count)
  for a = from, from + count - 1, MANY do
    local r = redis.pcall(command, key, unpack(list, a, math.min(a + MANY, from + count) - 1))
    if type(r) == 'table' and r.err then return r.err end
  end
end

local written = {}
local function mark(key, part)
  if watched then written[#written + 1] = key .. '\\0' .. part end
end
local function isNewerLive(key, part)
  return live and redis.call('SISMEMBER', live, key .. '\\0' .. part) == 1
end
local function older(key, from, count, step)
  if not live then return ARGV, from, count end
  local list = {}
  for x = from, from + count - 1, step do
    if not isNewerLive(key, ARGV[x]) then
      for y = x, x + step - 1 do list[#list + 1] = ARGV[y] end
    end
  end
  return list, 1, #list
end

local function increment(key, from, count)
  local names = {}
  for a = from, from + count - 1, 2 do names[#names + 1] = ARGV[a] end
  local before = {}
  if #names > 1 then
    for n = 1, #names, MANY do
      local values = redis.pcall('HMGET', key, unpack(names, n, math.min(n + MANY - 1, #names)))
      if values.err then return values.err end
      for _, value in ipairs(values) do before[#before + 1] = value end
    end
  end
  for n = 1, #names do
    local r = redis.pcall('HINCRBY', key, names[n], ARGV[from + 2 * n - 1])
    if type(r) == 'table' and r.err then
      for u = 1, n - 1 do
        if before[u] then redis.call('HSET', key, names[u], before[u]) else redis.call('HDEL', key, names[u]) end
      end
      return r.err
    end
  end
end

local function memory(i, from)
  if not remembered[i] then
    remembered[i] = {}
    for _, entry in ipairs(redis.call('ZRANGEBYSCORE', KEYS[parts + i], from, '+inf')) do
      local id, message = string.match(entry, '^(%d+/%d+) (.*)$')
      if id then remembered[i][id] = message end
    end
  end
  return remembered[i]
end

local reply = {'OK'}
local a, k, n = 4 * parts + 4, 2 * parts, 0
while a <= #ARGV do
  n = n + 1
  k = k + 1
  local i, id, expire, kind, key = tonumber(ARGV[a]), ARGV[a + 1] .. '/' .. ARGV[a + 2], ARGV[a + 3], ARGV[a + 4], KEYS[k]
  local offset = ARGV[a + 1]
  local skip = tonumber(offset) <= reached[i]
  local err
  local idle = false
  a = a + 5
  if kind == 'hash' then
    local set, drop = tonumber(ARGV[a]), tonumber(ARGV[a + 1])
    if not skip then
      local sets, s, setCount = older(key, a + 2, set, 2)
      local drops, d, dropCount = older(key, a + 2 + set, drop, 1)
      idle = setCount + dropCount == 0
      err = spread('HSET', key, sets, s, setCount)
      if not err then err = spread('HDEL', key, drops, d, dropCount) end
      if not err then
        for x = a + 2, a + 1 + set, 2 do mark(key, ARGV[x]) end
        for x = a + 2 + set, a + 1 + set + drop do mark(key, ARGV[x]) end
      end
    end
    a = a + 2 + set + drop
  elseif kind == 'sortedSet' then
    idle = isNewerLive(key, ARGV[a + 1])
    if not skip and not idle then
      local r = redis.pcall('ZADD', key, ARGV[a], ARGV[a + 1])
      if type(r) == 'table' and r.err then err = r.err
      else mark(key, ARGV[a + 1]) end
      if not err and ARGV[a + 2] ~= '' then redis.call('ZREMRANGEBYRANK', key, 0, -1 - tonumber(ARGV[a + 2])) end
    end
    a = a + 3
  elseif kind == 'increment' then
    local count = tonumber(ARGV[a])
    if not skip then err = increment(key, a + 1, count) end
    a = a + 1 + count
  else
    local count = tonumber(ARGV[a + 1])
    if not skip then
      local r = redis.pcall('XADD', key, 'MAXLEN', '=', ARGV[a], '*', unpack(ARGV, a + 2, a + 1 + count))
      if type(r) == 'table' and r.err then err = r.err end
    end
    a = a + 2 + count
  end
  if skip then
    err = memory(i, offset)[id]
  elseif err then
    redis.call('ZADD', KEYS[parts + i], offset, id .. ' ' .. err)
    redis.call('ZREMRANGEBYRANK', KEYS[parts + i], 0, -1 - ${REFUSALS_KEPT})
  elseif expire ~= '' and not idle then
    redis.call('EXPIRE', key, expire)
  end
  if err then
    reply[#reply + 1] = n
    reply[#reply + 1] = err
  end
end
for i = 1, parts do
  if tonumber(ARGV[4 * i + 2]) > reached[i] then redis.call('HSET', KEYS[i], 'offset', ARGV[4 * i + 2]) end
end
for x = 1, #written, MANY do redis.call('SADD', watched, unpack(written, x, math.min(x + MANY, #written + 1) - 1)) end
if #written > 0 and redis.call('TTL', watched) == -1 then redis.call('EXPIRE', watched, MARK_SECONDS) end
return reply
`;

/** How long a mark stays after the backfill's last start or write. What live traffic has written is kept as long at least. */
const MARK_SECONDS = 604_800;

const writeLua = (guard: string): string => `${COMMON}
local MANY = 4000
local MARK_SECONDS = ${MARK_SECONDS}
${guard}${WRITE}`;

/** While a backfill of the sink runs, live traffic leaves word of which fields and members it has written. The fence's name says which sink it is. */
export const writeScript = script(writeLua(`
local of = string.match(KEYS[1], '^millrace:fence:([^:]+:[^:]+):')
local watched = of and redis.call('EXISTS', 'millrace:backfill:' .. of) == 1 and 'millrace:backfill:' .. of .. ':live'
local live = false
`));

/**
 * The same for the backfill `app`, which leaves alone what live traffic has written since `mark` was set. Replies {'UNMARKED'} when the mark is gone, or is
 * another one's: nobody knows then what is newer.
 */
export const backfillScript = (mark: string, app: string): Script => script(writeLua(`
local watched = false
local live = '${mark}:live'
if redis.call('GET', '${mark}') ~= '${app}' then return {'UNMARKED'} end
redis.call('EXPIRE', '${mark}', MARK_SECONDS)
redis.call('EXPIRE', live, MARK_SECONDS)
`));

/** For the two below. */
const MARK = `
local marked = redis.call('GET', KEYS[1])
local free = not marked or marked == ARGV[1]
`;

/**
 * KEYS: the mark, what live traffic has written. ARGV: the backfill, whether it is the 'first' start or a 'resumed' one. Replies whose the mark is; null: nobody's.
 * A first start forgets what live traffic has written before it, which its range covers: what an earlier backfill has left would hide what was lost since.
 */
export const protectScript = script(`${MARK}
if not free or (not marked and ARGV[2] ~= 'first') then return marked end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ${MARK_SECONDS})
if ARGV[2] == 'first' then redis.call('UNLINK', KEYS[2]) else redis.call('EXPIRE', KEYS[2], ${MARK_SECONDS}) end
return ARGV[1]
`);

/** KEYS and ARGV: the same. Leaves what belongs to another backfill. */
export const releaseScript = script(`${MARK}
if free then redis.call('UNLINK', KEYS[1], KEYS[2]) end
return marked
`);
