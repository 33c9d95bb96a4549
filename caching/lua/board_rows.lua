-- Shared by the board's scripts: how a row enters, changes and leaves.
-- KEYS 1..6 of each: head, meta, rows, index, gens, tombs. A member of `index` is view .. position .. id, where
-- a view is WIDTH characters and a position 10 that sort as text; `meta` holds version:position:views of each id.
local HEAD, META, ROWS, INDEX, GENS, TOMBS = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local POSITION = 10
-- How long the version of a row that went is remembered: longer than any put's deadline.
local MEMORY_MS = 60000
local touched = {}

-- Versions are decimal bigints; a Lua number holds only 53 bits of one, so they are compared as text.
local function older(a, b)
  return #a < #b or (#a == #b and a < b)
end

local function now()
  local time = redis.call('TIME')
  return string.format('%d%06d', time[1], time[2])
end

local function views_of(joined, width)
  local views = {}
  for i = 1, #joined, width do
    views[#views + 1] = string.sub(joined, i, i + width - 1)
  end
  return views
end

-- Takes a row out of every view it stands in; its version stays.
local function leave(id, version, position, joined, width)
  for _, view in ipairs(views_of(joined, width)) do
    redis.call('ZREM', INDEX, view .. position .. id)
    touched[view] = true
  end
  redis.call('HDEL', ROWS, id)
end

local function remember(id, version, time)
  redis.call('HSET', META, id, version .. '::')
  redis.call('ZADD', TOMBS, string.sub(time, 1, -4), id)
end

-- Puts one row, unless a newer version is known. No position means the row is gone: `version` is then the
-- end of its incarnation. A row that retention won't keep leaves only its version.
local function put(row, horizon, width, time)
  local known = redis.call('HGET', META, row.id)
  if known then
    local version, position, joined = string.match(known, '^(%d+):(%w*):(.*)$')
    if older(row.version, version) or (row.version == version and position ~= '') then
      return 0
    end
    if position ~= '' then
      leave(row.id, version, position, joined, width)
    end
  end
  if row.position == '' or (row.droppable == '1' and not (row.position > horizon)) then
    remember(row.id, row.version, time)
    return 1
  end
  for _, view in ipairs(views_of(row.views, width)) do
    redis.call('ZADD', INDEX, 0, view .. row.position .. row.id)
    touched[view] = true
  end
  redis.call('HSET', ROWS, row.id, row.payload)
  redis.call('HSET', META, row.id, row.version .. ':' .. row.position .. ':' .. row.views)
  redis.call('ZREM', TOMBS, row.id)
  return 1
end

-- Drops the oldest droppable rows beyond the `latest` newest, `most` at a time; returns how many went.
-- Who goes is decided here and now, so no row that has become unclaimed meanwhile is ever among them.
local function trim(latest, most, width, time)
  local any, droppable = string.rep('*', width), string.rep('!', width)
  local finish = redis.call('ZLEXCOUNT', INDEX, '-', '(' .. any .. '\255')
  local start = redis.call('ZLEXCOUNT', INDEX, '-', '(' .. any)
  if finish - start <= latest then
    return 0
  end
  local nth = redis.call('ZRANGE', INDEX, finish - latest, finish - latest)[1]
  local limit = string.sub(nth, width + 1, width + POSITION)
  local oldest = redis.call('ZRANGEBYLEX', INDEX, '[' .. droppable, '(' .. droppable .. '\255', 'LIMIT', 0, most)
  local dropped, kept = 0, touched
  touched = {} -- what retention drops lies below the horizon: no page with an ETag shows it
  for _, member in ipairs(oldest) do
    local position = string.sub(member, width + 1, width + POSITION)
    if not (position < limit) then
      break
    end
    local id = string.sub(member, width + POSITION + 1)
    local known = redis.call('HGET', META, id)
    if not known then
      break -- somebody else wrote here; the relay finds out by counting
    end
    local version, _, joined = string.match(known, '^(%d+):(%w*):(.*)$')
    leave(id, version, position, joined, width)
    remember(id, version, time)
    if position > (redis.call('HGET', HEAD, 'horizon') or '') then
      redis.call('HSET', HEAD, 'horizon', position)
    end
    dropped = dropped + 1
  end
  touched = kept
  return dropped
end

-- Forgets versions remembered long enough, some at a time.
local function forget(time, most)
  local before = string.format('%d', tonumber(string.sub(time, 1, -4)) - MEMORY_MS)
  local gone = redis.call('ZRANGEBYSCORE', TOMBS, '-inf', before, 'LIMIT', 0, most)
  for _, id in ipairs(gone) do
    redis.call('HDEL', META, id)
    redis.call('ZREM', TOMBS, id)
  end
end

-- Gives every view that has changed a new generation: the time is unique here, and grows.
local function bump(time)
  for view in pairs(touched) do
    redis.call('HSET', GENS, view, time)
  end
end

-- Puts the rows in ARGV from `at` on, six values each; returns how many changed something.
local function put_all(at, latest, width, time)
  local horizon, changed, puts = redis.call('HGET', HEAD, 'horizon') or '', 0, 0
  for i = at, #ARGV, 6 do
    changed = changed + put({
      id = ARGV[i], version = ARGV[i + 1], position = ARGV[i + 2],
      droppable = ARGV[i + 3], views = ARGV[i + 4], payload = ARGV[i + 5],
    }, horizon, width, time)
    puts = puts + 1
  end
  trim(latest, 2 * puts, width, time)
  forget(time, 2 * puts + 2)
  bump(time)
  return changed
end
