-- Reads the counts the relay has published, and counts the rows of some views.
-- KEYS: fence, head, counts, index   ARGV: views
-- Returns {state, epoch, now, counts (JSON), rows of each view ...}; state is 'hit' or 'no-fence'.
local time = redis.call('TIME')
local now = string.format('%d%06d', time[1], time[2])
local epoch = redis.call('HGET', KEYS[2], 'epoch') or ''
local counts = redis.call('GET', KEYS[3])
if redis.call('EXISTS', KEYS[1]) == 0 or not counts then
  return { 'no-fence', epoch, now }
end
local reply = { 'hit', epoch, now, counts }
for i, view in ipairs(ARGV) do
  reply[4 + i] = redis.call('ZLEXCOUNT', KEYS[4], '[' .. view, '(' .. view .. '\255')
end
return reply
