-- Reads the counts the relay has published.
-- KEYS: fence, head, counts   Returns {state, epoch, now, counts (JSON)}; state is 'hit' or 'no-fence'.
local time = redis.call('TIME')
local now = string.format('%d%06d', time[1], time[2])
local epoch = redis.call('HGET', KEYS[2], 'epoch') or ''
local counts = redis.call('GET', KEYS[3])
if redis.call('EXISTS', KEYS[1]) == 0 or not counts then
  return { 'no-fence', epoch, now }
end
return { 'hit', epoch, now, counts }
