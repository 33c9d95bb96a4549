-- Puts rows that somebody has read from PostgreSQL.
-- KEYS: head, meta, rows, index, gens, tombs
-- ARGV: epoch, deadline, latest, width, then for each row: id, version, position, droppable, views, payload
-- Returns {outcome, epoch, now}; outcome is how many changed something, or 'refused': a foreign epoch or a
-- passed deadline. The rows may then be older than what was cached and lost meanwhile: read them again.
local epoch, time = redis.call('HGET', HEAD, 'epoch') or '', now()
if epoch == '' or epoch ~= ARGV[1] or older(ARGV[2], time) then
  return { 'refused', epoch, time }
end
return { put_all(5, tonumber(ARGV[3]), tonumber(ARGV[4]), time), epoch, time }
