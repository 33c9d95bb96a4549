-- Counts one more of something that may be forgotten after a while.
-- KEYS: tally   ARGV: name, seconds it is kept after the last one   Returns the number.
local number = redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return number
