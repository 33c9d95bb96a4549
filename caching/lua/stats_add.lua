-- Adds to a cache's counters.
-- KEYS: stats   ARGV: outcome, reads
return redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[2])
