-- Enters the gate if nobody holds it.
-- KEYS: gate   ARGV: mine, life in ms   Returns '' (entered), or what the gate holds.
local held = redis.call('GET', KEYS[1])
if held then
  return held
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ''
