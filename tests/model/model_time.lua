-- Put in front of each script, unchanged as it is: time is the model's, and so is the end of each key's life.
-- Real: every other command, its atomicity, and the text of the script itself. Keys begin with the name of one
-- of the model's servers; `clock` (microseconds) is common to all, `<server>/ends` holds key -> millisecond.
local valkey = redis.call
local clock = string.format('%d', valkey('INCR', 'clock')) -- a script takes a microsecond
local server = string.match(KEYS[1], '^%w+/')
local ends, now_ms = server .. 'ends', tonumber(string.sub(clock, 1, -4))
-- Commands that neither give a key a life nor take it.
local known = {
  HGET = 1, HMGET = 1, HSET = 1, HDEL = 1, HLEN = 1, HEXISTS = 1, GET = 1, EXISTS = 1, ZADD = 1, ZREM = 1,
  ZCARD = 1, ZSCORE = 1, ZRANGE = 1, ZRANGEBYLEX = 1, ZREVRANGEBYLEX = 1, ZLEXCOUNT = 1, ZRANGEBYSCORE = 1,
}

for _, name in ipairs(valkey('ZRANGEBYSCORE', ends, '-inf', '(' .. now_ms)) do
  valkey('UNLINK', server .. name)
  valkey('ZREM', ends, name)
end

-- As Valkey does it: a life that would have ended already ends at once.
local function lives_until(key, ms)
  if ms <= now_ms then
    valkey('UNLINK', key)
    valkey('ZREM', ends, string.sub(key, #server + 1))
  else
    valkey('ZADD', ends, ms, string.sub(key, #server + 1))
  end
end

local function call(command, key, ...)
  local args = { ... }
  if command == 'TIME' then
    return { string.sub(clock, 1, -7), string.sub(clock, -6) }
  elseif command == 'UNLINK' then
    for _, name in ipairs({ key, ... }) do
      valkey('ZREM', ends, string.sub(name, #server + 1))
    end
    return valkey('UNLINK', key, ...)
  elseif command == 'EXPIRE' or command == 'PEXPIRE' then
    local exists = valkey('EXISTS', key)
    if exists == 1 then
      lives_until(key, now_ms + args[1] * (command == 'EXPIRE' and 1000 or 1))
    end
    return exists
  elseif command == 'SET' then
    local only_new, ms
    for i = 2, #args do
      if args[i] == 'NX' then
        only_new = true
      elseif args[i] == 'PX' then
        ms = now_ms + args[i + 1]
      elseif args[i] == 'PXAT' then
        ms = tonumber(args[i + 1])
      end
    end
    if only_new and valkey('EXISTS', key) == 1 then
      return false
    end
    valkey('ZREM', ends, string.sub(key, #server + 1))
    local done = valkey('SET', key, args[1])
    if ms then
      lives_until(key, ms)
    end
    return done
  elseif not known[command] then
    error('the model does not know what ' .. command .. ' does to the life of a key')
  end
  return valkey(command, key, ...)
end
local redis = { call = call }
