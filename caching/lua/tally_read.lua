-- Reads a day's numbers: names and numbers in turn.
-- KEYS: tally
return redis.call('HGETALL', KEYS[1])
