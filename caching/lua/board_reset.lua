-- Begins the board anew: nothing is left of the old epoch, and no fence until all is loaded.
-- KEYS: head, meta, rows, index, gens, tombs, fence, counts   ARGV: new epoch, my nonce, why, line
local time = now()
redis.call('UNLINK', unpack(KEYS))
redis.call('HSET', HEAD, 'epoch', ARGV[1], 'nonce', ARGV[2], 'rebuilt_at', time, 'rebuilt_why', ARGV[3],
  'line', ARGV[4])
redis.call('EXPIRE', HEAD, 3600)
return { 'done', time }
