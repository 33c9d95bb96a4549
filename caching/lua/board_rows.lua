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

local splits = {}

local function views_of(joined, width)
  local views = splits[joined]
  if not views then
    views = {}
    for i = 1, #joined, width do
      views[#views + 1] = string.sub(joined, i, i + width - 1)
    end
    splits[joined] = views
  end
  return views
end

-- What is to be written is collected: most of a script's time goes into calling commands, so that a hundred rows
-- share one for each key. An id stands in a script once.
local added, removed, payloads, metas, gone, buried, woken = {}, {}, {}, {}, {}, {}, {}

local function all(command, key, args)
  for i = 1, #args, 1000 do -- unpack has its limits
    redis.call(command, key, unpack(args, i, math.min(i + 999, #args)))
  end
end

local function write()
  all('ZREM', INDEX, removed)
  all('ZADD', INDEX, added)
  all('HDEL', ROWS, gone)
  all('HSET', ROWS, payloads)
  all('HSET', META, metas)
  all('ZREM', TOMBS, woken)
  all('ZADD', TOMBS, buried)
  added, removed, payloads, metas, gone, buried, woken = {}, {}, {}, {}, {}, {}, {}
end

local function append(list, a, b)
  list[#list + 1] = a
  list[#list + 1] = b
end

-- Moves a row from one position and its views to others; '' is none.
local function move(id, from, old, to, new, width)
  local wanted = {}
  for _, view in ipairs(views_of(new, width)) do
    wanted[view] = true
    touched[view] = true
  end
  for _, view in ipairs(views_of(old, width)) do
    touched[view] = true
    if from == to and wanted[view] then
      wanted[view] = nil
    else
      removed[#removed + 1] = view .. from .. id
    end
  end
  for view in pairs(wanted) do
    append(added, 0, view .. to .. id)
  end
end

-- The row is gone, but its version is remembered.
local function bury(id, version, time)
  append(metas, id, version .. '::')
  append(buried, string.sub(time, 1, -4), id)
end

-- Puts one row, unless a newer version is known. No position means the row is gone: `version` is then the
-- end of its incarnation. A row that retention won't keep leaves only its version.
local function put(row, known, horizon, width, time)
  local version, position, views = '', '', ''
  if known then
    version, position, views = string.match(known, '^(%d+):(%w*):(.*)$')
    if older(row.version, version) or (row.version == version and position ~= '') then
      return 0
    end
  end
  if row.position == '' or (row.droppable == '1' and not (row.position > horizon)) then
    move(row.id, position, views, '', '', width)
    gone[#gone + 1] = row.id
    bury(row.id, row.version, time)
    return 1
  end
  move(row.id, position, views, row.position, row.views, width)
  append(payloads, row.id, row.payload)
  append(metas, row.id, row.version .. ':' .. row.position .. ':' .. row.views)
  if known and position == '' then
    woken[#woken + 1] = row.id
  end
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
    local version, _, views = string.match(redis.call('HGET', META, id), '^(%d+):(%w*):(.*)$')
    move(id, position, views, '', '', width)
    gone[#gone + 1] = id
    bury(id, version, time)
    if position > (redis.call('HGET', HEAD, 'horizon') or '') then
      redis.call('HSET', HEAD, 'horizon', position)
    end
    dropped = dropped + 1
  end
  write()
  touched = kept
  if dropped > 0 then
    touched[droppable] = true -- but counts of what is held have changed
  end
  return dropped
end

-- Forgets versions remembered long enough, some at a time.
local function forget(time, most)
  local before = string.format('%d', tonumber(string.sub(time, 1, -4)) - MEMORY_MS)
  local forgotten = redis.call('ZRANGEBYSCORE', TOMBS, '-inf', before, 'LIMIT', 0, most)
  all('HDEL', META, forgotten)
  all('ZREM', TOMBS, forgotten)
end

-- Gives every view that has changed a new generation: the time is unique here, and grows.
local function bump(time)
  local generations = {}
  for view in pairs(touched) do
    append(generations, view, time)
  end
  all('HSET', GENS, generations)
end

-- Puts the rows in ARGV from `at` on, six values each; returns how many changed something.
local function put_all(at, latest, width, time)
  local horizon, ids, changed = redis.call('HGET', HEAD, 'horizon') or '', {}, 0
  for i = at, #ARGV, 6 do
    ids[#ids + 1] = ARGV[i]
  end
  local known = #ids > 0 and redis.call('HMGET', META, unpack(ids))
  for n, id in ipairs(ids) do
    local i = at + 6 * (n - 1)
    changed = changed + put({
      id = id, version = ARGV[i + 1], position = ARGV[i + 2],
      droppable = ARGV[i + 3], views = ARGV[i + 4], payload = ARGV[i + 5],
    }, known[n], horizon, width, time)
  end
  write()
  trim(latest, 2 * #ids, width, time)
  forget(time, 2 * #ids + 2)
  bump(time)
  return changed
end
