-- Puts rows that somebody has read from PostgreSQL, and gives the fill lock back.
-- KEYS: head, lock, row...   ARGV: epoch, deadline, lock's token ('' = none), ttl in ms,
--                                  then for each row: version, owner, found, payload
-- Returns {outcome, epoch, now}; outcome is how many were stored, or 'refused': a foreign epoch or a passed
-- deadline. The rows may then be older than what was cached and lost in the meantime: read them again.
local epoch, time = redis.call('HGET', KEYS[1], 'epoch') or '', now()
if ARGV[3] ~= '' and redis.call('GET', KEYS[2]) == ARGV[3] then
  redis.call('UNLINK', KEYS[2])
end
if epoch == '' or epoch ~= ARGV[1] or older(ARGV[2], time) then
  return { 'refused', epoch, time }
end
local stored = 0
for i = 3, #KEYS do
  local at = 5 + (i - 3) * 4
  stored = stored + put(KEYS[i], epoch, ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[4])
end
return { stored, epoch, time }
