-- Begins a partition of rows anew: a new epoch makes every row of the old one a miss.
-- KEYS: head, fence   ARGV: new epoch, my nonce, why, line
local time = now()
redis.call('UNLINK', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'nonce', ARGV[2], 'rebuilt_at', time, 'rebuilt_why', ARGV[3],
  'line', ARGV[4])
redis.call('EXPIRE', KEYS[1], 3600)
return { 'done', time }
