-- Shared by the entity scripts: one row is one hash {e: epoch, v: version, o: owner, p: payload}.
-- A row without p is known not to exist: for a minute, which is longer than any put's deadline. Whoever asks for
-- numbers at random fills no memory with them.
-- A row that can't be rendered has "!" behind its epoch: to readers it is missing, to puts it has its version.

-- Versions are decimal bigints; a Lua number holds only 53 bits of one, so they are compared as text.
local function older(a, b)
  return #a < #b or (#a == #b and a < b)
end

-- Stores the row unless a newer one of this epoch is there. `found` is '1', '0' or 'odd'.
local function put(key, epoch, version, owner, found, payload, ttl)
  local stored = redis.call('HMGET', key, 'e', 'v')
  if (stored[1] == epoch or stored[1] == epoch .. '!') and (stored[2] == version or older(version, stored[2])) then
    return 0
  end
  redis.call('UNLINK', key)
  redis.call('HSET', key, 'e', found == 'odd' and epoch .. '!' or epoch, 'v', version, 'o', owner)
  if found == '1' then
    redis.call('HSET', key, 'p', payload)
  end
  redis.call('PEXPIRE', key, found == '1' and ttl or 60000)
  return 1
end

local function now()
  local time = redis.call('TIME')
  return string.format('%d%06d', time[1], time[2])
end
