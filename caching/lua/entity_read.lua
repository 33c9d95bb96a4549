-- Reads one row; with a lock's token it also tries to become the one process that fills a missing one.
-- KEYS: fence, head, row, lock
-- ARGV: token ('' = only look), lock's life in ms, and of a row that is known its epoch-version
-- Returns {state, epoch, now, version, owner, payload}; state is 'hit', 'same' (a hit, and no more is said, for
-- the caller knows the row), 'gone' (known not to exist), 'miss', 'mine' (missing, and the lock
-- is now this caller's) or 'no-fence'. Times in microseconds.
local time = redis.call('TIME')
local now = string.format('%d%06d', time[1], time[2])
local epoch = redis.call('HGET', KEYS[2], 'epoch') or ''
if redis.call('EXISTS', KEYS[1]) == 0 then
  return { 'no-fence', epoch, now }
end
local row = redis.call('HMGET', KEYS[3], 'e', 'v', 'o', 'p')
if row[1] == epoch then
  if row[4] and epoch .. '-' .. row[2] == ARGV[3] then
    return { 'same', epoch, now }
  end
  return { row[4] and 'hit' or 'gone', epoch, now, row[2], row[3], row[4] or '' }
end
if ARGV[1] ~= '' and redis.call('SET', KEYS[4], ARGV[1], 'NX', 'PX', ARGV[2]) then
  return { 'mine', epoch, now }
end
return { 'miss', epoch, now }
