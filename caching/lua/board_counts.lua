-- Reads the counts the relay has published, and counts the rows of some views.
-- KEYS: fence, head, counts, index, gens   ARGV: how many views, views ..., etag known
-- Returns {state, epoch, now, etag, counts (JSON), as of, rows of each view ...}; state is 'hit', 'same' (what the
-- caller knows by its etag; then nothing follows the etag) or 'no-fence'.
local time = redis.call('TIME')
local now = string.format('%d%06d', time[1], time[2])
local epoch = redis.call('HGET', KEYS[2], 'epoch') or ''
local counts = redis.call('HMGET', KEYS[3], 'counts', 'as_of', 'changed')
if redis.call('EXISTS', KEYS[1]) == 0 or not counts[1] then
  return { 'no-fence', epoch, now }
end
-- Whatever enters, moves or leaves touches the view of all rows; retention the one of the rows it may drop.
local views = tonumber(ARGV[1])
local width = views > 0 and #ARGV[2] or 0
local gens = redis.call('HMGET', KEYS[5], string.rep('*', width), string.rep('!', width))
local etag = table.concat({ epoch, counts[3], gens[1] or '0', gens[2] or '0' }, '-')
if etag == ARGV[views + 2] then
  return { 'same', epoch, now, etag }
end
local reply = { 'hit', epoch, now, etag, counts[1], counts[2] }
for i = 2, views + 1 do
  reply[5 + i] = redis.call('ZLEXCOUNT', KEYS[4], '[' .. ARGV[i], '(' .. ARGV[i] .. '\255')
end
return reply
